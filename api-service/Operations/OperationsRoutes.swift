import AMQP
import Access
import Domain
import FoundationEssentials
import Hummingbird
import Messaging
import Persistence

/// The system's status, and failed messages, for operators.
struct OperationsRoutes: Sendable {
    let inspection: SystemInspection
    /// Nil without a relay (tests of the HTTP API alone).
    let deadLetters: ParkedMessages?

    /// Never fails because something is unreachable: reporting that is its purpose.
    @Sendable func system(_ request: Request, _ context: APIContext) async throws -> Response {
        try Authorization.require(.viewSystem, try context.signedIn())
        return try .json(await inspection.report())
    }

    private struct LettersJSON: Encodable {
        var items: [DeadLetterJSON]
        @Nullable var nextCursor: String?
        /// Including those that are not listed.
        var total: Int
    }

    @Sendable func list(_ request: Request, _ context: APIContext) async throws -> Response {
        try Authorization.require(.manageDeadLetters, try context.signedIn())
        var query = QueryFields(request)
        let queue = query.text("queue")
        let limit = query.limit()
        try query.validation.check()
        let after = try query.cursor(.deadLetters)
        let (letters, total) = try await broker { try await $0.list(in: queue) }
        var rest = letters[...]
        // The last page's last message may be gone: then the list starts again.
        if let after, let end = rest.firstIndex(where: { $0.id == after.id }) { rest = rest[(end + 1)...] }
        let items = rest.prefix(limit)
        let last = items.count < rest.count ? items.last : nil
        let cursor = last.map { Cursor.encode(PageKey(at: $0.firstSeen ?? Date(), id: $0.id), .deadLetters) }
        return try .json(LettersJSON(items: items.map(DeadLetterJSON.init), nextCursor: cursor, total: total))
    }

    @Sendable func replay(_ request: Request, _ context: APIContext) async throws -> Response {
        try await take("replayed", context) { try await $0.replay($1, by: $2) }
    }

    @Sendable func discard(_ request: Request, _ context: APIContext) async throws -> Response {
        try await take("discarded", context) { try await $0.discard($1, by: $2) }
    }

    private struct TakenJSON: Encodable {
        var id: String
        var status: String
    }

    private func take(
        _ status: String, _ context: APIContext,
        _ action: @escaping @Sendable (ParkedMessages, UUID, UserID?) async throws -> Bool
    ) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.manageDeadLetters, principal)
        let id = try context.id(of: MessageSubject.self).uuid
        guard try await broker({ try await action($0, id, principal.userID) }) else { throw DomainError.notFound }
        return try .json(TakenJSON(id: id.uuidString.lowercased(), status: status))
    }

    /// What the broker can't do now, it can do later.
    private func broker<Value>(_ body: (ParkedMessages) async throws -> Value) async throws -> Value {
        guard let deadLetters else { throw APIProblem.unavailable() }
        do { return try await body(deadLetters) } catch is BrokerError { throw APIProblem.unavailable() }
    }
}

/// A failed message as operators see it; `api-service dead-letters` prints the same.
struct DeadLetterJSON: Encodable {
    var id: String
    var queue: String
    @Nullable var messageId: String?
    @Nullable var type: String?
    @Nullable var eventId: String?
    var reason: String
    @Nullable var lastFailure: String?
    var attempts: Int
    var replays: Int
    @Nullable var firstSeenAt: Date?
    @Nullable var lastFailedAt: Date?
    /// The message's text; invalid UTF-8 shows replacement characters.
    var payload: String
    /// Whether `payload` is cut off.
    var isCut: Bool

    static let longestPayload = 16_384

    init(_ letter: DeadLetter) {
        id = letter.id.uuidString.lowercased()
        queue = letter.queue.name
        messageId = letter.messageID
        type = letter.type
        eventId = letter.event?.subject
        reason = letter.reason
        lastFailure = letter.lastFailure
        attempts = letter.attempts
        replays = letter.replays
        firstSeenAt = letter.firstSeen
        lastFailedAt = letter.lastFailedAt
        payload = String(decoding: letter.message.body.prefix(Self.longestPayload), as: UTF8.self)
        isCut = letter.message.body.count > Self.longestPayload
    }
}
