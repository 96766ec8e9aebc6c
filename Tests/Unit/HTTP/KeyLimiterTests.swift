@testable import api_service
import Domain
import FoundationEssentials
import Testing

@Suite("The limit of an API key")
struct KeyLimiterTests {
    private let start = Date(timeIntervalSince1970: 1_800_000_000)

    @Test("a full bucket empties, refills at the rate and never overflows")
    func bucket() async {
        let limiter = KeyLimiter()
        let key = APIKeyID()
        for taken in 1...200 { #expect(await limiter.take(key, now: start).remaining == 200 - taken) }
        #expect(await limiter.take(key, now: start) == KeyLimiter.Allowance(remaining: 0, wait: 0.05))
        #expect(await limiter.take(key, now: start + 0.1).wait == 0)
        #expect(await limiter.take(key, now: start + 1000).remaining == 199)
        // A clock that goes back gives nothing and takes nothing.
        #expect(await limiter.take(key, now: start).remaining == 198)
    }

    @Test("as many keys as fit are remembered; those that are rested are forgotten first")
    func capacity() async {
        let limiter = KeyLimiter(capacity: 2)
        let (busy, rested, late) = (APIKeyID(), APIKeyID(), APIKeyID())
        _ = await limiter.take(rested, now: start)
        for _ in 0..<100 { _ = await limiter.take(busy, now: start + 60) }
        _ = await limiter.take(late, now: start + 60)
        #expect(await limiter.take(busy, now: start + 60).remaining == 99)
    }
}
