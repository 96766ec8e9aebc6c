import Testing

@testable import notifications

@Suite("Mails to one domain, and to slow ones")
struct DestinationLimiterTests {
    private let start = ContinuousClock.now
    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }
    /// Eight permits: four for one domain, two for one that is slow; four times as many for all slow ones.
    private var book = DestinationBook(.init(connections: 8))

    private mutating func enter(_ domain: String, arrived: Double? = nil, at now: Double) -> DestinationBook.Decision {
        book.begin(domain, arrived: at(arrived ?? now), now: at(now))
    }

    @Test("a fast domain waits for room of its own, and others go by")
    mutating func fast() {
        for _ in 0..<4 { #expect(enter("a", at: 0) == .send) }
        #expect(enter("a", at: 0) == .wait)
        #expect(enter("b", at: 0) == .send)
        book.end("a", started: at(0), now: at(0.1))
        #expect(enter("a", arrived: 0, at: 0.1) == .send)
        #expect(enter("a", at: 0.2) == .wait)
        #expect(enter("a", arrived: 0.2, at: 2.9) == .wait)
    }

    @Test("a domain is slow while a mail of its own takes long, and for a while after it; then it comes again later")
    mutating func slow() {
        for _ in 0..<4 { #expect(enter("a", at: 0) == .send) }
        #expect(enter("a", arrived: 0, at: 3.1) == .postpone)
        #expect(enter("b", at: 3.1) == .send)
        book.end("b", started: at(3.1), now: at(3.2))
        for _ in 0..<4 { book.end("a", started: at(0), now: at(30)) }
        // One by one up to what slow ones may have, all of them together.
        #expect(enter("a", at: 31) == .send)
        #expect(enter("a", at: 31) == .send)
        #expect(enter("a", at: 31) == .postpone)
        #expect(enter("b", at: 31) == .send)
    }

    @Test("slow domains share their part, and one mail that is fast makes its domain a fast one again")
    mutating func shared() {
        let domains = (0...16).map { "d\($0)" }
        for domain in domains {
            #expect(enter(domain, at: 0) == .send)
            book.end(domain, started: at(0), now: at(10))
        }
        for domain in domains.prefix(16) { for _ in 0..<2 { #expect(enter(domain, at: 11) == .send) } }
        #expect(enter("d16", at: 11) == .postpone)
        book.end("d0", started: at(11), now: at(12))
        for _ in 0..<3 { #expect(enter("d0", at: 12) == .send) }
        #expect(enter("d16", at: 12) == .send)
    }

    @Test("nothing is remembered of domains that are fast or were slow long ago")
    mutating func forgets() {
        _ = enter("a", at: 0)
        book.end("a", started: at(0), now: at(1))
        #expect(book.count == 0)
        _ = enter("b", at: 1)
        book.end("b", started: at(1), now: at(9))
        #expect(book.count == 1)
        _ = enter("c", at: 100)
        book.end("c", started: at(100), now: at(101))
        #expect(book.count == 0)
    }

    @Test("with one connection everybody still gets a turn")
    func one() {
        let limits = DestinationLimiter.Limits(connections: 1)
        #expect(limits.perDomain == 1 && limits.perSlowDomain == 1 && limits.slow > 1)
    }

    @Test(
        "a mail that takes long gives its permit to the next, in the order of arrival; whoever gives up waiting takes none"
    )
    func permits() async throws {
        let permits = SendPermits(1)
        let first = try await permits.next()
        let quitter = Task { try await permits.next() }
        quitter.cancel()
        await #expect(throws: CancellationError.self) { try await quitter.value }
        async let second = permits.next()
        first.release()
        first.release()
        let permit = try await second
        async let third = permits.next()
        permit.release()
        try await third.release()
        try await permits.next().release()
    }
}
