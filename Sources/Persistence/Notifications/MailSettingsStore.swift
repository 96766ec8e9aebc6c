public import Domain
public import Postgres

/// The email settings of events.
public struct MailSettingsStore: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    /// The defaults where nothing was chosen.
    public func find(_ event: EventID) async throws -> EventMailSettings {
        let rows = try await database.read(
            "SELECT paragraph, colour, reminders, reply_to FROM event_mail_settings WHERE event_id = \(event)")
        guard let row = rows.first else { return EventMailSettings() }
        return EventMailSettings(
            paragraph: try row.decode("paragraph"), colour: try row.decode("colour"),
            reminders: try row.decode("reminders", as: [String].self).compactMap(Reminder.init),
            replyTo: try row.decode("reply_to"))
    }

    public func set(
        _ settings: EventMailSettings, of event: EventID, on transaction: Transaction
    ) async throws {
        let reminders = settings.reminders.map(\.text)
        _ = try await transaction.query(
            """
            INSERT INTO event_mail_settings (event_id, paragraph, colour, reminders, reply_to)
            VALUES (\(event), \(settings.paragraph), \(settings.colour), \(reminders), \(settings.replyTo))
            ON CONFLICT (event_id) DO UPDATE
            SET paragraph = excluded.paragraph, colour = excluded.colour, reminders = excluded.reminders,
                reply_to = excluded.reply_to
            """)
    }
}
