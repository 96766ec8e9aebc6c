import Access
import Domain
import FoundationEssentials
import Hummingbird
import Persistence

/// The administrators' switch for all email.
struct SendingRoutes: Sendable {
    let stores: Stores
    let pauseSending: PauseSending

    private struct SendingJSON: Encodable {
        struct Person: Encodable {
            var id: UserID
            var displayName: String
        }

        var isPaused: Bool
        @Nullable var pausedAt: Date?
        @Nullable var pausedBy: Person?
        @Nullable var reason: String?

        init(_ state: SendingState) {
            isPaused = state.pausedAt != nil
            pausedAt = state.pausedAt
            reason = state.reason
            pausedBy = state.pausedBy.map { Person(id: $0, displayName: state.pausedByName ?? "") }
        }
    }

    @Sendable func show(_ request: Request, _ context: APIContext) async throws -> Response {
        try Authorization.require(.manageSending, try context.signedIn())
        return try .json(SendingJSON(try await stores.deliveries.sending()))
    }

    @Sendable func pause(_ request: Request, _ context: APIContext) async throws -> Response {
        try await set(true, context)
    }

    @Sendable func resume(_ request: Request, _ context: APIContext) async throws -> Response {
        try await set(false, context)
    }

    private func set(_ isPaused: Bool, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.manageSending, principal)
        return try .json(SendingJSON(try await pauseSending.perform(isPaused, by: principal)))
    }
}
