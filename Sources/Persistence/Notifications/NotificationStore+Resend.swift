public import Domain
import FoundationEssentials
public import Postgres

/// The emails about one registration, for organizers.
extension NotificationStore {
    /// The emails to a registration's person and their delivery status: newest first.
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

    /// Plans an email again. While one of its kind to this person is unsent, it is returned: two requests send one
    /// email.
    public func resend(
        _ planned: PlannedNotification, of registration: RegistrationID, on transaction: Transaction
    ) async throws -> Notification? {
        // Concurrent requests are serialized.
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
