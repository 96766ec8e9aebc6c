@testable import api_service
import Domain
import FoundationEssentials
import NIOCore
import Testing

@Suite("The event cache", .timeLimit(.minutes(1)))
struct EventCacheTests {
    private struct Document: Encodable {
        var text: String
    }

    private struct Failure: Error {}

    private func document(_ text: String) throws -> Representation { try Representation(Document(text: text)) }

    /// Returns once so many wait for a reading.
    private func joined(_ count: Int, _ cache: EventCache) async {
        while cache.statistics.joins < count { await Task.yield() }
    }

    @Test("200 readers at once cause one reading, and those who come later none")
    func singleFlight() async throws {
        let (cache, id, held) = (EventCache(), EventID(), Held())
        let tags = try await withThrowingTaskGroup(of: String?.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    try await cache.event(id, at: 1) {
                        await held.wait()
                        return try document("a")
                    }?.tag
                }
            }
            await joined(199, cache)
            held.release()
            return try await group.reduce(into: Set<String?>()) { $0.insert($1) }
        }
        #expect(tags == [try document("a").tag])
        _ = try await cache.event(id, at: 1) { throw Failure() }
        #expect(cache.statistics == .init(hits: 1, joins: 199, loads: 1))
    }

    @Test("whoever asks after a write gets nothing that was read before it", arguments: [true, false])
    func ownWrites(isWriting: Bool) async throws {
        let (cache, id, held) = (EventCache(), EventID(), Held())
        // A reading under way when the write commits.
        async let early = cache.event(id, at: 1) {
            await held.wait()
            return try document("old")
        }
        while cache.statistics.loads < 1 { await Task.yield() }
        // Control: without the news of a write, the next reader joins it.
        if isWriting { cache.invalidate(id) }
        async let late = cache.event(id, at: 1) { try document("new") }
        if isWriting {
            #expect(try await late?.tag == document("new").tag)
            held.release()
        } else {
            await joined(1, cache)
            held.release()
            #expect(try await late?.tag == document("old").tag)
        }
        #expect(try await early?.tag == document("old").tag)
        // Nor is the old one kept when it comes in last.
        let kept = try await cache.event(id, at: 1) { throw Failure() }
        #expect(try kept?.tag == document(isWriting ? "new" : "old").tag)
        cache.invalidate(id)
        #expect(try await cache.event(id, at: 1) { try document("newest") }?.tag == document("newest").tag)
    }

    @Test("a write to any event invalidates the lists, and other events stay")
    func lists() async throws {
        let (cache, id) = (EventCache(), EventID())
        let list = PublishedList(query: nil, from: nil, to: nil, after: nil, limit: 20)
        for _ in 0..<2 {
            _ = try await cache.list(list, at: 1) { try document("list") }
            _ = try await cache.event(id, at: 1) { try document("event") }
            cache.invalidate(EventID())
        }
        #expect(cache.statistics == .init(hits: 1, joins: 0, loads: 3))
    }

    @Test("nothing outlives the second in which its reading began")
    func seconds() async throws {
        let (cache, id, held) = (EventCache(), EventID(), Held())
        for second in [1, 2, 1] { _ = try await cache.event(id, at: second) { try document("\(second)") } }
        #expect(cache.statistics.loads == 3)
        async let slow = cache.event(EventID(), at: 1) {
            await held.wait()
            return try document("slow")
        }
        while cache.statistics.loads < 4 { await Task.yield() }
        _ = try await cache.event(id, at: 2) { try document("2") }
        held.release()
        #expect(try await slow != nil)
        #expect(try await cache.event(id, at: 2) { throw Failure() } != nil)
    }

    @Test("what doesn't fit is read and not kept")
    func bounds() async throws {
        let few = EventCache(maximumEntries: 2)
        let ids = [EventID(), EventID(), EventID()]
        for id in ids + ids { _ = try await few.event(id, at: 1) { try document("x") } }
        #expect(few.statistics == .init(hits: 2, joins: 0, loads: 4))
        let small = EventCache(maximumBytes: 30)
        for id in ids + ids { _ = try await small.event(id, at: 1) { try document("x") } }
        #expect(small.statistics == .init(hits: 2, joins: 0, loads: 4))
        // Room that an invalidation made is used again.
        small.invalidate(ids[0])
        _ = try await small.event(ids[2], at: 1) { try document("x") }
        #expect(try await small.event(ids[2], at: 1) { throw Failure() } != nil)
    }

    @Test("a failure reaches everybody who waited, and neither it nor an absence is kept")
    func failures() async throws {
        let (cache, id, held) = (EventCache(), EventID(), Held())
        async let first = cache.event(id, at: 1) {
            await held.wait()
            throw Failure()
        }
        while cache.statistics.loads < 1 { await Task.yield() }
        async let second = cache.event(id, at: 1) { try document("not asked") }
        await joined(1, cache)
        held.release()
        var failures = 0
        do { _ = try await first } catch is Failure { failures += 1 }
        do { _ = try await second } catch is Failure { failures += 1 }
        #expect(failures == 2)
        #expect(try await cache.event(id, at: 1) { nil } == nil)
        #expect(try await cache.event(id, at: 1) { try document("there") } != nil)
    }

    @Test("when the one who reads goes away, the next one reads")
    func abandoned() async throws {
        let (cache, id, held) = (EventCache(), EventID(), Held())
        let gone = Task {
            try await cache.event(id, at: 1) {
                await held.wait()
                try Task.checkCancellation()
                return try document("never")
            }
        }
        while cache.statistics.loads < 1 { await Task.yield() }
        async let next = cache.event(id, at: 1) { try document("mine") }
        await joined(1, cache)
        gone.cancel()
        held.release()
        #expect(try await next?.tag == document("mine").tag)
        #expect(cache.statistics.loads == 2)
    }

    @Test("If-None-Match names a tag as RFC 9110 has it")
    func tags() throws {
        let tag = try Representation(Document(text: "x"), version: 3).tag
        #expect(tag.hasPrefix("\"3."))
        #expect(tag.hasSuffix("\""))
        #expect(try document("x").tag != document("y").tag)
        for header in [tag, "W/\(tag)", "*", "\"other\", \(tag)", " \(tag) "] {
            #expect(Representation.names(header, tag), "\(header)")
        }
        for header in ["", "\"3\"", String(tag.dropLast()), "\"3.x\""] {
            #expect(!Representation.names(header, tag), "\(header)")
        }
    }
}

/// Keeps a reading from ending until it is released.
private final class Held: Sendable {
    private let (stream, continuation) = AsyncStream.makeStream(of: Void.self)

    func wait() async {
        for await _ in stream { return }
    }

    func release() { continuation.finish() }
}
