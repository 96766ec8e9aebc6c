import Domain
import NIOCore
import Testing

@testable import ws_hub

@Suite("Conflation of counts")
struct CountsConflationTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private func places(_ revision: Int) -> Places {
        Places(revision: revision, confirmed: revision, waitlisted: 0, capacity: 1000)
    }

    private func after(_ milliseconds: Int64) -> NIODeadline { start + TimeAmount.milliseconds(milliseconds) }

    @Test("the first counts leave at once, what follows within the interval waits, and the latest wins")
    func latestWins() {
        var counts = CountsConflation(interval: .milliseconds(100))
        #expect(counts.offer(places(1), at: start) == .send)
        #expect(counts.offer(places(2), at: after(10)) == .flush(at: after(100)))
        #expect(counts.offer(places(3), at: after(20)) == .nothing)
        #expect(counts.offer(places(4), at: after(30)) == .nothing)
        var leaves = counts.flush(at: after(100))
        #expect(leaves)
        #expect(counts.latest?.revision == 4)
        #expect(counts.offer(places(5), at: after(150)) == .flush(at: after(200)))
        leaves = counts.flush(at: after(200))
        #expect(leaves)
        #expect(counts.offer(places(6), at: after(400)) == .send)
    }

    @Test("an older or equal revision changes nothing, whatever it says")
    func neverBack() {
        var counts = CountsConflation(interval: .milliseconds(100))
        #expect(counts.offer(places(7), at: start) == .send)
        #expect(counts.offer(places(6), at: after(500)) == .nothing)
        #expect(counts.offer(Places(revision: 7, confirmed: 0, waitlisted: 9, capacity: 1), at: after(500)) == .nothing)
        #expect(counts.latest == places(7))
        counts.open(with: places(3))
        #expect(counts.latest == places(7))
    }

    @Test("what everybody has as a snapshot is not sent again")
    func snapshotCounts() {
        var counts = CountsConflation(interval: .milliseconds(100))
        counts.open(with: places(5))
        #expect(counts.offer(places(5), at: start) == .nothing)
        #expect(counts.offer(places(6), at: start) == .send)
    }

    @Test("over any order of arrival, the revisions that leave rise strictly and end with the highest")
    func anyOrder() {
        for _ in 0..<200 {
            var counts = CountsConflation(interval: .milliseconds(100))
            var sent: [Int] = []
            var planned: NIODeadline?
            var now = start
            for revision in (1...40).shuffled() {
                now = now + TimeAmount.milliseconds(.random(in: 0...60))
                if let moment = planned, moment <= now {
                    planned = nil
                    if counts.flush(at: moment) { sent.append(counts.latest?.revision ?? 0) }
                }
                switch counts.offer(places(revision), at: now) {
                case .send: sent.append(counts.latest?.revision ?? 0)
                case .flush(let moment): planned = moment
                case .nothing: break
                }
            }
            if planned != nil, counts.flush(at: now) { sent.append(counts.latest?.revision ?? 0) }
            #expect(zip(sent, sent.dropFirst()).allSatisfy { $0 < $1 })
            #expect(sent.last == 40)
        }
    }
}
