public import Domain
public import FoundationEssentials
public import Postgres

extension NotificationStore {
    /// Plans the notice to a subscription's owner that it gets no more deliveries, with the job that emails it.
    public func planSubscriptionNotice(
        about subscription: SubscriptionID, _ stop: WebhookStop, now: Date, on transaction: Transaction
    ) async throws {
        let found = try await transaction.query(
            """
            SELECT s.user_id, s.name, coalesce(s.url, '') AS url, s.failing_since FROM subscriptions s
            JOIN users u ON u.id = s.user_id AND u.deleted_at IS NULL
            WHERE s.id = \(subscription) AND s.ended_at IS NULL
            """)
        guard let row = found.first else { return }
        let matter = MailContext.SubscriptionMatter(
            name: try row.decode("name"), url: try row.decode("url"), isDisabled: stop.status == .disabled,
            since: try row.decode("failing_since", as: Date?.self) ?? now)
        let details = String(decoding: try WireJSON.encode(matter), as: UTF8.self)
        let rows = try await transaction.query(
            """
            INSERT INTO notifications (id, user_id, cause_id, kind, details, created_at)
            VALUES (\(NotificationID()), \(try row.decode("user_id", as: UserID.self)), \(MessageID()),
                \(NotificationKind.subscriptionPaused), \(details)::jsonb, \(now))
            RETURNING id, user_id, event_id, kind, status
            """)
        let jobs = try rows.map { try OutboxEntry.work(.mailSend, event: nil, Self.data($0)) }
        try await OutboxStore().append(jobs, on: transaction)
        _ = try await tellUnread(try row.decode("user_id"), on: transaction)
    }
}
