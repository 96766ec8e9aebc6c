"""More workers and fewer, while there is work to do."""

from chaos.arena import Arena

WORKERS = ("ticket-worker", "notifications")


def test_workers_come_to_eight_and_go_to_one_again_under_load(arena: Arena) -> None:
    arena.begin()
    for worker in WORKERS:
        arena.fleet.stop(worker, above=1)
    load = arena.load(arena.events(3, capacity=1000), people=1500, threads=6, pace=0.02)
    for count in (8, 1, 8, 1):
        had = len(load.told)
        for worker in WORKERS:
            arena.fleet.start({worker: count})
            assert not any(arena.fleet.stop(worker, above=count)), f"not a proper end of {worker}"
        assert all(len(arena.fleet.members(worker)) == count for worker in WORKERS)
        arena.wait(arena.fleet.ready, f"{count} of each worker are ready", 60)
        arena.wait(lambda had=had: len(load.told) > had + 50, "people go on registering", 30)
    load.stop()
    assert load.told and not load.unsettled
    assert all(len(told.answers) == 1 + told.cancelled for told in load.told), "who registers sees nothing of workers"
    complaints = arena.judge(load)
    assert not complaints, "\n".join(complaints[:20])
