import Domain
import Mustache

/// The wording of the mails: a text and an HTML template for each kind, and the pieces that they share.
///
/// They are compiled into the program. The first line of a text template is the subject.
struct MailTemplates: Sendable {
    /// A mail's words, ready to be sent.
    struct Rendered {
        var subject: String
        var text: String
        var html: String
    }

    enum Failure: Error {
        /// A kind without a template, or a text template without a subject: never past the tests.
        case incomplete(String)
    }

    private let library: MustacheLibrary

    /// - Throws: Mustache's error for a template that does not parse, ``Failure/incomplete(_:)`` for a missing one.
    init() throws {
        var library = MustacheLibrary()
        for (name, bytes) in Self.sources {
            try library.register(String(decoding: bytes, as: UTF8.self), named: name)
        }
        for name in NotificationKind.allCases.map(Self.name) {
            guard library.getTemplate(named: "\(name).text") != nil, library.getTemplate(named: "\(name).html") != nil
            else { throw Failure.incomplete(name) }
        }
        self.library = library
    }

    func render(_ kind: NotificationKind, _ facts: some MailFacts) throws -> Rendered {
        let name = Self.name(kind)
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
        case .accountVerifyEmail: "account-verify-email"
        case .accountAlreadyRegistered: "account-already-registered"
        case .accountResetPassword: "account-reset-password"
        case .accountPasswordChanged: "account-password-changed"
        case .accountConfirmEmail: "account-confirm-email"
        case .accountEmailChanging: "account-email-changing"
        }
    }

    /// Every file in Templates/, by the name under which others refer to it.
    private static let sources: [(String, [UInt8])] = [
        ("layout.html", PackageResources.layout_html_mustache),
        ("event.html", PackageResources.event_html_mustache),
        ("event.text", PackageResources.event_text_mustache),
        ("ticket.html", PackageResources.ticket_html_mustache),
        ("ticket.text", PackageResources.ticket_text_mustache),
        ("footer.text", PackageResources.footer_text_mustache),
        ("registration-confirmed.html", PackageResources.registration_confirmed_html_mustache),
        ("registration-confirmed.text", PackageResources.registration_confirmed_text_mustache),
        ("registration-promoted.html", PackageResources.registration_promoted_html_mustache),
        ("registration-promoted.text", PackageResources.registration_promoted_text_mustache),
        ("registration-waitlisted.html", PackageResources.registration_waitlisted_html_mustache),
        ("registration-waitlisted.text", PackageResources.registration_waitlisted_text_mustache),
        ("ticket-transfer-offered.html", PackageResources.ticket_transfer_offered_html_mustache),
        ("ticket-transfer-offered.text", PackageResources.ticket_transfer_offered_text_mustache),
        ("ticket-transferred.html", PackageResources.ticket_transferred_html_mustache),
        ("ticket-transferred.text", PackageResources.ticket_transferred_text_mustache),
        ("registration-cancelled.html", PackageResources.registration_cancelled_html_mustache),
        ("registration-cancelled.text", PackageResources.registration_cancelled_text_mustache),
        ("member-added.html", PackageResources.member_added_html_mustache),
        ("member-added.text", PackageResources.member_added_text_mustache),
        ("event-updated.html", PackageResources.event_updated_html_mustache),
        ("event-updated.text", PackageResources.event_updated_text_mustache),
        ("event-cancelled.html", PackageResources.event_cancelled_html_mustache),
        ("event-cancelled.text", PackageResources.event_cancelled_text_mustache),
        ("link.html", PackageResources.link_html_mustache),
        ("account-footer.text", PackageResources.account_footer_text_mustache),
        ("account-verify-email.html", PackageResources.account_verify_email_html_mustache),
        ("account-verify-email.text", PackageResources.account_verify_email_text_mustache),
        ("account-already-registered.html", PackageResources.account_already_registered_html_mustache),
        ("account-already-registered.text", PackageResources.account_already_registered_text_mustache),
        ("account-reset-password.html", PackageResources.account_reset_password_html_mustache),
        ("account-reset-password.text", PackageResources.account_reset_password_text_mustache),
        ("account-password-changed.html", PackageResources.account_password_changed_html_mustache),
        ("account-password-changed.text", PackageResources.account_password_changed_text_mustache),
        ("account-confirm-email.html", PackageResources.account_confirm_email_html_mustache),
        ("account-confirm-email.text", PackageResources.account_confirm_email_text_mustache),
        ("account-email-changing.html", PackageResources.account_email_changing_html_mustache),
        ("account-email-changing.text", PackageResources.account_email_changing_text_mustache),
    ]
}
