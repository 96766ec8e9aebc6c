import Persistence
import Testing

@testable import Messaging

@Suite("Shares of the outbox's partitions")
struct PartitionShareTests {
    @Test("shares add up to all partitions and differ by one at most", arguments: 1...40)
    func fair(relays: Int) {
        let shares = (0..<relays).map { PartitionLeases.share(rank: $0, of: relays) }
        #expect(shares.reduce(0, +) == OutboxStore.partitionCount)
        #expect((shares.max() ?? 0) - (shares.min() ?? 0) <= 1)
    }

    @Test("a relay that nobody counted takes everything")
    func alone() {
        #expect(PartitionLeases.share(rank: 0, of: 0) == OutboxStore.partitionCount)
    }
}

@Suite("When a relay watches")
struct RelayActivityTests {
    private let start = ContinuousClock.now

    private func wakeUps(_ watch: RelayActivity, _ count: Int, every: Duration) -> ContinuousClock.Instant {
        var now = start
        for _ in 0..<count {
            now += every
            watch.noteWakeUp(now: now)
        }
        return now
    }

    @Test("many wake-ups with work are worth it; few, or many for others, are not")
    func busy() {
        let often = RelayActivity()
        let now = wakeUps(often, 12, every: .milliseconds(5))
        #expect(!often.isBusy(now: now))
        often.noteWork(now: now)
        #expect(often.isBusy(now: now))
        #expect(!often.isBusy(now: now + .seconds(1)))

        let seldom = RelayActivity()
        let later = wakeUps(seldom, 12, every: .milliseconds(200))
        seldom.noteWork(now: later)
        #expect(!seldom.isBusy(now: later))
    }

    @Test("it is idle once nothing was found for a while")
    func idle() {
        let watch = RelayActivity()
        #expect(watch.isIdle(now: start))
        watch.noteWork(now: start)
        #expect(!watch.isIdle(now: start + .milliseconds(100)))
        #expect(watch.isIdle(now: start + .milliseconds(300)))
    }
}
