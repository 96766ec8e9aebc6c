import Access
import Domain
import Hummingbird
import Persistence

/// An event's email settings.
struct MailSettingsRoutes: Sendable {
    let stores: Stores
    let authorization: Authorization
    let editMailSettings: EditMailSettings

    private struct SettingsJSON: Encodable {
        var paragraph: String
        @Nullable var colour: String?
        var reminders: [String]
        @Nullable var replyTo: String?

        init(_ settings: EventMailSettings) {
            paragraph = settings.paragraph
            colour = settings.colour
            reminders = settings.reminders.map(\.text)
            replyTo = settings.replyTo
        }
    }

    @Sendable func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let event = try await authorization.event(
            try context.id(of: EventSubject.self), .viewMailings, try context.signedIn())
        return try .json(SettingsJSON(try await stores.mailSettings.find(event.id)))
    }

    @Sendable func replace(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        let event = try await authorization.event(try context.id(of: EventSubject.self), .editEvent, principal)
        var fields = try await BodyFields(request, context)
        let settings = EventMailSettings(
            paragraph: fields.text("paragraph", 0...2000, multiline: true), colour: fields.colour("colour"),
            reminders: fields.reminders("reminders"), replyTo: fields.optionalEmail("replyTo"))
        try fields.validation.check()
        try await editMailSettings.perform(settings, of: event.id, by: principal)
        return try .json(SettingsJSON(settings))
    }
}

extension BodyFields {
    /// A color on which white text is readable, or null.
    mutating func colour(_ name: String) -> String? {
        guard let text = optionalText(name, maximum: 7)?.lowercased() else { return nil }
        switch EventMailSettings.isReadable(text) {
        case true: return text
        case false: validation.fail(name, "must be darker: white text on it can't be read")
        case nil: validation.fail(name, "must look like #0b6e5f")
        }
        return nil
    }

    fileprivate mutating func reminders(_ name: String) -> [Reminder] {
        guard has(name) else { return Reminder.usual }
        let reminders = texts(name, 0...Reminder.atMost).map(Reminder.init)
        if reminders.contains(nil) {
            validation.fail(name, "must be durations such as P7D (1 to 90 days) or PT24H (1 to 72 hours)")
        } else if Set(reminders).count < reminders.count {
            validation.fail(name, "must not name one twice")
        }
        return reminders.compactMap { $0 }
    }
}
