import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Changes an event's team.
struct ManageMembers: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    /// Adds a team member, or changes a member's role; they are emailed. Idempotent. If their email is not confirmed
    /// yet, it takes effect with the confirmation, which the email asks for.
    /// - Parameter email: an account's; lower-case.
    /// - Returns: the member, and whether they are new.
    /// - Throws: ``DomainError``: validationFailed if no one has that email, ownerStays.
    func set(
        _ role: MembershipRole, of email: String, in event: EventID, by principal: Principal
    ) async throws -> (member: EventMember, isNew: Bool) {
        guard let user = try await stores.users.find(email: email) else { throw DomainError.unknownAddress }
        let now = clock()
        return try await stores.change { transaction in
            let (member, before) =
                user.emailVerifiedAt == nil
                ? try await stores.members.offer(
                    role, to: user.id, in: event, by: principal.userID, on: transaction)
                : try await stores.members.set(role, of: user.id, in: event, on: transaction)
            let result = (member: member, isNew: before == nil)
            guard before != role else { return .unchanged(result) }
            let entry = AuditRecord(
                before == nil ? "member.added" : "member.changed", by: principal.userID, subject: user.id.uuid,
                event: event,
                AuditContent(before: before.map { ["role": $0.rawValue] } ?? [:], after: ["role": role.rawValue]))
            if member.isPending {
                return Change(result, entry, messages: [try .accountMail(.accountVerifyEmail, to: user.id)])
            }
            try await stores.notifications.planTeamMail(to: user.id, about: event, now: now, on: transaction)
            return Change(result, entry)
        }
    }

    /// Removes a team member; does nothing for someone who is not one.
    /// - Throws: ``DomainError/ownerStays``.
    func remove(_ user: UserID, from event: EventID, by principal: Principal) async throws {
        try await stores.change { transaction in
            guard let before = try await stores.members.remove(user, from: event, on: transaction) else {
                return .unchanged
            }
            return Change(
                AuditRecord(
                    "member.removed", by: principal.userID, subject: user.uuid, event: event,
                    AuditContent(before: ["role": before.rawValue])))
        }
    }
}
