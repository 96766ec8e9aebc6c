import Access
import Domain
import Persistence

/// Authorization: asks the policy, with the facts it needs about the resource.
struct Authorization: Sendable {
    let stores: Stores

    /// - Throws: the error for the policy's decision.
    static func require(_ action: Action, _ principal: Principal?, _ relation: Relation = Relation(nil)) throws {
        switch Policy.decide(action, role: principal?.role, relation: relation) {
        case .allowed: return
        case .notAuthenticated: throw DomainError.notAuthenticated
        case .forbidden: throw DomainError.forbidden
        case .hidden: throw DomainError.notFound
        }
    }

    /// Lets an API key do what it has the scope for; signed-in people can do whatever their role allows.
    /// - Parameter action: nil for what no key can do.
    static func requireScope(of principal: Principal?, for action: Action?) throws {
        guard let scopes = principal?.scopes else { return }
        guard let scope = action?.scope, scopes.contains(scope) else { throw APIProblem.scopeMissing(action?.scope) }
    }

    /// Loads an event for an action on it. Someone who isn't allowed to see it gets a 404.
    func event(_ id: EventID, _ action: Action, _ principal: Principal?) async throws -> Event {
        guard let event = try await stores.events.find(id) else { throw DomainError.notFound }
        let seeing: Action = event.storedStatus == .draft ? .viewDraftEvent : .viewPublishedEvent
        let needed = [seeing, action]
        // What anyone can do needs no look at the event's team.
        if needed.allSatisfy({ Policy.decide($0, role: principal?.role) == .allowed }) { return event }
        let relation = Relation(try await membership(of: principal, in: id))
        for action in needed { try Self.require(action, principal, relation) }
        return event
    }

    /// Checks an action on a person's resource within an event: a registration, a ticket.
    func require(_ action: Action, _ principal: Principal, of subject: UserID, in event: EventID) async throws {
        let isSubject = principal.userID == subject
        // One's own resources need no look at the event's team.
        let membership = isSubject ? nil : try await membership(of: principal, in: event)
        try Self.require(action, principal, Relation(membership, isSubject: isSubject))
    }

    private func membership(of principal: Principal?, in event: EventID) async throws -> MembershipRole? {
        guard let principal else { return nil }
        return try await stores.events.membership(of: principal.userID, in: event)
    }
}
