import Testing

@testable import ws_hub

@Suite("What a hub promises by default")
struct HubLimitsTests {
    /// Times are looked at once a second, so they may end a second late.
    private let turn = Duration.seconds(1)

    @Test("a ping every 25 seconds, a dead peer gone within 35, five seconds to authenticate")
    func times() {
        let limits = HubLimits()
        #expect(limits.ping + turn <= .seconds(25))
        #expect(limits.dead + turn <= .seconds(35))
        #expect(limits.ping + limits.goodbye < limits.dead)
        #expect(limits.authentication == .seconds(5))
    }

    @Test("counts at most ten times a second, and lost ones compared often enough to heal within two")
    func counts() {
        let limits = HubLimits()
        #expect(limits.countsInterval >= .milliseconds(100))
        #expect(limits.comparison.upperBound < 1.5)
    }

    @Test("what waits for one socket is bounded well below what a thousand slow ones could fill")
    func memory() {
        let limits = HubLimits()
        #expect(limits.waitingBytes <= 128 << 10)
        #expect(limits.messageBytes <= 8192)
    }
}
