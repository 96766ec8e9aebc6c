import Domain
public import FoundationEssentials
public import Postgres

public struct ReminderStore: Sendable {
    let mailings: MailingStore

    public init(_ database: Database) { mailings = MailingStore(database) }

    /// Starts the reminders that are due, each as a mailing to the confirmed registrations. Returns how many.
    ///
    /// A reminder is sent once; again only if the event has moved so far that the reminder's time is more than a day
    /// after the time at which it was sent. One whose time had passed when the event was last published or edited is
    /// dropped, as is one that could not be sent before half of its lead time was over. One caller at a time: see
    /// ``MailingStore/takeClock(on:)``.
    public func beginDue(now: Date, on transaction: Transaction) async throws -> Int {
        let due = try await transaction.query(
            """
            WITH moment AS (
                SELECT e.id AS event_id, e.starts_at, e.published_at, e.updated_at, r.reminder,
                    CASE WHEN r.reminder LIKE 'PT%' THEN e.starts_at - r.reminder::interval
                        ELSE moment_of(local_time(e.starts_at, e.time_zone) - r.reminder::interval, e.time_zone)
                    END AS due_at
                FROM events e
                    LEFT JOIN event_mail_settings s ON s.event_id = e.id
                    CROSS JOIN LATERAL unnest(coalesce(s.reminders, \(Reminder.usual.map(\.text)))) AS r (reminder)
                WHERE e.status = 'published' AND e.starts_at > \(now)
                    AND e.starts_at < \(now)::timestamptz + interval '91 days'
            )
            SELECT event_id, reminder, due_at FROM moment
            WHERE due_at <= \(now) AND \(now) < due_at + (starts_at - due_at) / 2
                -- An edit in the moment between the hour and this look at it takes nothing away.
                AND due_at > published_at AND due_at > updated_at - interval '1 minute'
                AND NOT EXISTS (
                    SELECT FROM reminders_sent sent WHERE sent.event_id = moment.event_id
                        AND sent.reminder = moment.reminder AND sent.due_at > moment.due_at - interval '1 day')
            ORDER BY due_at, event_id LIMIT 100
            """)
        for row in due {
            let event = try row.decode("event_id", as: EventID.self)
            let reminder = try row.decode("reminder", as: String.self)
            _ = try await transaction.query(
                """
                INSERT INTO reminders_sent (event_id, reminder, due_at)
                VALUES (\(event), \(reminder), \(try row.decode("due_at", as: Date.self)))
                ON CONFLICT (event_id, reminder) DO UPDATE SET due_at = excluded.due_at
                """)
            try await mailings.begin(
                MailingID(), about: event, .eventReminder, to: .confirmed,
                details: WireJSON.encode(ReminderDetails(reminder: reminder)), now: now, on: transaction)
        }
        return due.count
    }
}
