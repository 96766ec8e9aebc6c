import Access
import Domain
import Persistence
import Postgres

/// Chooses how the mails about an event look, and when its people are reminded.
struct EditMailSettings: Sendable {
    let stores: Stores

    func perform(_ settings: EventMailSettings, of event: EventID, by principal: Principal) async throws {
        try await stores.change { transaction in
            try await stores.mailSettings.set(settings, of: event, on: transaction)
            var content = ["paragraph": settings.paragraph]
            content["colour"] = settings.colour
            // The log of what was done keeps no addresses.
            if settings.replyTo != nil { content["replyTo"] = "named" }
            content["reminders"] = settings.reminders.map(\.text).joined(separator: " ")
            return Change(
                AuditRecord(
                    "event.mail-settings-edited", by: principal.userID, subject: event.uuid, event: event,
                    AuditContent(after: content)))
        }
    }
}
