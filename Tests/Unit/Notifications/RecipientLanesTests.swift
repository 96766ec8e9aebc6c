import Testing

@testable import notifications

@Suite("Mails to one domain, and to slow ones")
struct RecipientLanesTests {
    private let start = ContinuousClock.now
    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }
    /// Eight places: four for one domain, two for one that is slow; four times as many for all slow ones.
    private var book = LaneBook(.init(connections: 8))

    private mutating func enter(_ domain: String, arrived: Double? = nil, at now: Double) -> LaneBook.Answer {
        book.enter(domain, arrived: at(arrived ?? now), now: at(now))
    }

    @Test("a fast domain waits for room of its own, and others go by")
    mutating func fast() {
        for _ in 0..<4 { #expect(enter("a", at: 0) == .go) }
        #expect(enter("a", at: 0) == .wait)
        #expect(enter("b", at: 0) == .go)
        book.leave("a", started: at(0), now: at(0.1))
        #expect(enter("a", arrived: 0, at: 0.1) == .go)
        #expect(enter("a", at: 0.2) == .wait)
        #expect(enter("a", arrived: 0.2, at: 2.9) == .wait)
    }

    @Test("a domain is slow while a mail of its own takes long, and for a while after it; then it comes again later")
    mutating func slow() {
        for _ in 0..<4 { #expect(enter("a", at: 0) == .go) }
        #expect(enter("a", arrived: 0, at: 3.1) == .comeAgain)
        #expect(enter("b", at: 3.1) == .go)
        book.leave("b", started: at(3.1), now: at(3.2))
        for _ in 0..<4 { book.leave("a", started: at(0), now: at(30)) }
        // One by one up to what slow ones may have, all of them together.
        #expect(enter("a", at: 31) == .go)
        #expect(enter("a", at: 31) == .go)
        #expect(enter("a", at: 31) == .comeAgain)
        #expect(enter("b", at: 31) == .go)
    }

    @Test("slow domains share their part, and one mail that is fast makes its domain a fast one again")
    mutating func shared() {
        let domains = (0...16).map { "d\($0)" }
        for domain in domains {
            #expect(enter(domain, at: 0) == .go)
            book.leave(domain, started: at(0), now: at(10))
        }
        for domain in domains.prefix(16) { for _ in 0..<2 { #expect(enter(domain, at: 11) == .go) } }
        #expect(enter("d16", at: 11) == .comeAgain)
        book.leave("d0", started: at(11), now: at(12))
        for _ in 0..<3 { #expect(enter("d0", at: 12) == .go) }
        #expect(enter("d16", at: 12) == .go)
    }

    @Test("nothing is remembered of domains that are fast or were slow long ago")
    mutating func forgets() {
        _ = enter("a", at: 0)
        book.leave("a", started: at(0), now: at(1))
        #expect(book.count == 0)
        _ = enter("b", at: 1)
        book.leave("b", started: at(1), now: at(9))
        #expect(book.count == 1)
        _ = enter("c", at: 100)
        book.leave("c", started: at(100), now: at(101))
        #expect(book.count == 0)
    }

    @Test("with one connection everybody still gets a turn")
    func one() {
        let limits = RecipientLanes.Limits(connections: 1)
        #expect(limits.perDomain == 1 && limits.perSlowDomain == 1 && limits.slow > 1)
    }

    @Test(
        "a mail that takes long gives its place to the next, in the order of arrival; whoever gives up waiting takes none"
    )
    func places() async throws {
        let places = Places(1)
        let first = try await places.enter()
        let quitter = Task { try await places.enter() }
        quitter.cancel()
        await #expect(throws: CancellationError.self) { try await quitter.value }
        async let second = places.enter()
        first.leave()
        first.leave()
        let place = try await second
        async let third = places.enter()
        place.leave()
        try await third.leave()
        try await places.enter().leave()
    }
}
