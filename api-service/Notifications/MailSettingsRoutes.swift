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
        case false: validation.fail(name, .tooLight)
        case nil: validation.fail(name, .notAColor)
        }
        return nil
    }

    fileprivate mutating func reminders(_ name: String) -> [Reminder] {
        guard has(name) else { return Reminder.usual }
        let reminders = texts(name, 0...Reminder.atMost).map(Reminder.init)
        if reminders.contains(nil) {
            validation.fail(name, .notADuration)
        } else if Set(reminders).count < reminders.count {
            validation.fail(name, .duplicate)
        }
        return reminders.compactMap { $0 }
    }
}
