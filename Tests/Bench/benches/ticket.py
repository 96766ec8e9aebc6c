"""From click to ticket: from the 201 of a registration to the `ticket` frame on the person's socket, with everything
running, at rest and while a thousand others register every second."""

import asyncio
import json
import statistics
import time

import aiohttp
from harness.flood import Flood, post
from harness.report import Report
from harness.site import Site

PROBES = 60
RATE = 1000
SECONDS = 10
PATIENCE = 60


def run(site: Site, report: Report) -> None:
    people = site.crowd
    event = site.event()
    show(report, "201 to ticket, at rest", asyncio.run(probes(site, event, people[:PROBES], pause=0)))
    site.settle()
    crowd = people[PROBES:PROBES + RATE * SECONDS]
    other = f"/api/v1/events/{site.event()}/registrations"
    requests = site.flood.requests("beside", [post(other, token) for _, token in crowd])
    load = site.flood.start(site.port, 64, requests, 0, RATE)
    seen = asyncio.run(probes(site, site.event(), people[-PROBES:], pause=SECONDS / PROBES))
    answers = Flood.result(load)
    report.figure("beside it", perSecond=answers.rate(201), p50=answers.p50, p99=answers.p99)
    report.require(answers.statuses.keys() == {"201"}, f"the crowd beside was answered {answers}")
    show(report, f"201 to ticket, at {RATE} registrations a second", seen)
    began = time.monotonic()
    untold = site.settle()
    report.figure("after it, until everything was told", seconds=time.monotonic() - began, untold=untold)


def show(report: Report, name: str, milliseconds: list[float]) -> None:
    report.require(len(milliseconds) == PROBES, f"{name}: {PROBES - len(milliseconds)} tickets were not seen")
    if len(milliseconds) > 1:
        report.figure(f"{name} (ms)", p50=statistics.median(milliseconds),
                      p99=statistics.quantiles(milliseconds, n=100, method="inclusive")[98], max=max(milliseconds))


async def probes(site: Site, event: str, people: list[tuple[str, str]], pause: float) -> list[float]:
    """One person after the other (`pause` seconds apart, or each after the one before has the ticket)."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session:
        if not pause:
            seen = [await probe(site, session, event, token) for _, token in people]
        else:
            jobs = []
            for _, token in people:
                jobs.append(asyncio.create_task(probe(site, session, event, token)))
                await asyncio.sleep(pause)
            seen = await asyncio.gather(*jobs)
    return [milliseconds for milliseconds in seen if milliseconds is not None]


async def probe(site: Site, session: aiohttp.ClientSession, event: str, token: str) -> float | None:
    async with session.ws_connect(site.stack.socket_url, origin=site.stack.url) as socket:
        await socket.send_json({"type": "authenticate", "token": token})
        await heard(socket, "authenticated")
        await socket.send_json({"type": "subscribe", "topic": "me"})
        await heard(socket, "subscribed")
        ticket = asyncio.create_task(heard(socket, "ticket"))
        path = f"{site.stack.url}/api/v1/events/{event}/registrations"
        async with session.post(path, headers={"Authorization": f"Bearer {token}"}) as response:
            assert response.status == 201, await response.text()
            answered = time.monotonic()
        try:
            return max(0.0, await ticket - answered) * 1000
        except TimeoutError:
            return None


async def heard(socket: aiohttp.ClientWebSocketResponse, kind: str) -> float:
    """When a frame of this kind came."""
    async with asyncio.timeout(PATIENCE):
        async for message in socket:
            if json.loads(message.data)["type"] == kind:
                return time.monotonic()
    raise AssertionError(f"the socket was closed before {kind}")
