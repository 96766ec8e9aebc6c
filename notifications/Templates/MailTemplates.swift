import Domain
import Mustache

/// The templates of the emails: a text and an HTML template per kind and language, and their shared partials.
///
/// They are compiled into the program. The first line of a text template is the subject.
struct MailTemplates: Sendable {
    /// A rendered email.
    struct Rendered {
        var subject: String
        var text: String
        var html: String
    }

    enum Failure: Error {
        /// A kind without a template, or a text template without a subject: tests catch that.
        case incomplete(String)
    }

    private let library: MustacheLibrary

    /// - Throws: Mustache's error for a template that does not parse, ``Failure/incomplete(_:)`` for a missing one.
    init() throws {
        var library = MustacheLibrary()
        for (name, bytes) in TemplateSources.all {
            try library.register(String(decoding: bytes, as: UTF8.self), named: name)
        }
        for name in NotificationKind.allCases.map(Self.name) {
            for ending in Language.allCases.map(\.ending) {
                guard library.getTemplate(named: "\(name)\(ending).text") != nil,
                    library.getTemplate(named: "\(name)\(ending).html") != nil
                else { throw Failure.incomplete(name + ending) }
            }
        }
        self.library = library
    }

    func render(_ kind: NotificationKind, in language: Language, _ facts: some MailFacts) throws -> Rendered {
        let name = Self.name(kind) + language.ending
        let named = NamedFacts(of: facts)
        guard let whole = library.render(named, withTemplate: "\(name).text"),
            let end = whole.firstIndex(of: "\n"), whole.hasPrefix("Subject: ")
        else { throw Failure.incomplete(name) }
        let subject = String(whole[..<end].dropFirst("Subject: ".count))
        guard let html = library.render(named.with("subject", subject), withTemplate: "\(name).html")
        else { throw Failure.incomplete(name) }
        let text = whole[end...].drop { $0.isNewline }
        return Rendered(subject: subject, text: String(text), html: html)
    }

    private static func name(_ kind: NotificationKind) -> String {
        switch kind {
        case .registrationConfirmed: "registration-confirmed"
        case .registrationWaitlisted: "registration-waitlisted"
        case .registrationPromoted: "registration-promoted"
        case .registrationCancelled: "registration-cancelled"
        case .ticketTransferOffered: "ticket-transfer-offered"
        case .ticketTransferred: "ticket-transferred"
        case .memberAdded: "member-added"
        case .eventUpdated: "event-updated"
        case .eventCancelled: "event-cancelled"
        case .eventReminder: "event-reminder"
        case .announcement: "announcement"
        case .accountVerifyEmail: "account-verify-email"
        case .accountAlreadyRegistered: "account-already-registered"
        case .accountResetPassword: "account-reset-password"
        case .accountPasswordChanged: "account-password-changed"
        case .accountConfirmEmail: "account-confirm-email"
        case .accountEmailChanging: "account-email-changing"
        case .subscriptionPaused: "subscription-paused"
        }
    }
}

extension Language {
    /// The suffix in the templates' names.
    fileprivate var ending: String { self == .english ? "" : ".\(rawValue)" }
}
