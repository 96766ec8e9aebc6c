import Access
import Domain
import Persistence
import Postgres

/// Changes an event's email settings and reminders.
struct EditMailSettings: Sendable {
    let stores: Stores

    func perform(_ settings: EventMailSettings, of event: EventID, by principal: Principal) async throws {
        try await stores.change { transaction in
            try await stores.mailSettings.set(settings, of: event, on: transaction)
            var content = ["paragraph": settings.paragraph]
            content["colour"] = settings.colour
            // The audit log stores no email addresses.
            if settings.replyTo != nil { content["replyTo"] = "named" }
            content["reminders"] = settings.reminders.map(\.text).joined(separator: " ")
            return Change(
                AuditRecord(
                    "event.mail-settings-edited", by: principal.userID, subject: event.uuid, event: event,
                    AuditContent(after: content)))
        }
    }
}
