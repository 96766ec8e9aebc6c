public import Domain
import FoundationEssentials
public import Postgres

/// What organizers see and do about the mails of one registration.
extension NotificationStore {
    /// What a registration's person was written, and how far it came: the newest first.
    public func list(
        of registration: RegistrationID, after: PageKey?, limit: Int
    ) async throws -> Page<Notification> {
        let rows = try await database.list(
            """
            \(fragment: Self.selection) WHERE n.registration_id = \(registration)
                \(given: after, { "AND (n.created_at, n.id) < (\($0.at), \($0.id))" })
            ORDER BY n.created_at DESC, n.id DESC LIMIT \(limit + 1)
            """)
        return Page(try rows.map(Self.notification), limit: limit) { PageKey(at: $0.createdAt, id: $0.id.uuid) }
    }

    /// Plans a mail anew. While one of its kind is still on its way to this person, that one is it: asking twice sends
    /// one mail.
    public func resend(
        _ planned: PlannedNotification, of registration: RegistrationID, on transaction: Transaction
    ) async throws -> Notification? {
        // Two who ask at once stand in line.
        _ = try await transaction.query("SELECT 1 FROM registrations WHERE id = \(registration) FOR NO KEY UPDATE")
        let waiting = try await transaction.query(
            """
            \(fragment: Self.selection)
            WHERE n.registration_id = \(registration) AND n.kind = \(planned.kind) AND n.status IN ('queued', 'retrying')
            ORDER BY n.created_at DESC LIMIT 1
            """)
        if let row = waiting.first { return try Self.notification(row) }
        let cause = MessageID()
        try await plan([planned], cause: cause, on: transaction)
        return try await transaction.query("\(fragment: Self.selection) WHERE n.cause_id = \(cause)").first.map(
            Self.notification)
    }
}
