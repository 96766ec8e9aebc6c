import Access
import Domain
import FoundationEssentials
import Hummingbird
import Persistence

/// The event log, for consumers that were offline.
struct MessageRoutes: Sendable {
    let log: EventLogStore
    let authorization: Authorization

    @Sendable func list(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = QueryFields(request)
        let eventID = query.requiredID("eventId", of: EventSubject.self)
        let after = query.sequence("after")
        let limit = query.limit(1...500, default: 100)
        let event = try query.validation.checked(eventID)
        _ = try await authorization.event(event, .readMessages, try context.signedIn())
        do {
            return try Self.answer(try await log.messages(of: event, after: after, limit: limit))
        } catch let gone as EventLogStore.Pruned {
            throw APIProblem.messagesPruned(oldest: gone.oldest)
        }
    }

    /// The messages byte for byte as published.
    private static func answer(_ stretch: EventLogStore.Stretch) throws -> Response {
        var bytes = Array(#"{"items":["#.utf8)
        for (index, message) in stretch.messages.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += try message.encoded()
        }
        let next = stretch.hasMore ? stretch.messages.last?.sequence : nil
        bytes += Array((#"],"nextCursor":"# + (next.map { #""\#($0)""# } ?? "null") + "}").utf8)
        return .bytes(bytes, type: "application/json")
    }
}

extension APIProblem {
    static func messagesPruned(oldest: Int) -> APIProblem {
        var problem = APIProblem(
            "messages-pruned", .gone, "The messages after this one are no longer available.",
            detail: "The oldest available message is \(oldest). Read the current state, then continue from there.")
        problem.oldest = String(oldest)
        return problem
    }
}
