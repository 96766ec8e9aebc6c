import Domain

/// The few words of the mails that don't stand in templates.
struct MailWords {
    private let isGerman: Bool

    init(_ language: Language) { isGerman = language == .german }

    var staff: String { isGerman ? "am Einlass" : "check-in staff" }
    var coOrganizer: String { isGerman ? "Mitveranstalter" : "a co-organizer" }
    var openGate: String { isGerman ? "Einlass öffnen" : "Open the gate" }
    var openEvent: String { isGerman ? "Veranstaltung öffnen" : "Open the event" }
    var openSubscriptions: String { isGerman ? "Abonnements öffnen" : "Open your subscriptions" }
    /// After a change.
    var nothing: String { isGerman ? "keine Angabe" : "none" }

    /// What the button says.
    func label(of kind: NotificationKind) -> String {
        switch kind {
        case .accountVerifyEmail: isGerman ? "Adresse bestätigen" : "Confirm your address"
        case .accountConfirmEmail: isGerman ? "Neue Adresse bestätigen" : "Confirm the new address"
        default: isGerman ? "Neues Passwort wählen" : "Choose a new password"
        }
    }

    /// Of a field of the event whose change visitors are written to about; nil for all others.
    func label(ofField name: String) -> String? {
        switch name {
        case "title": isGerman ? "Titel" : "Title"
        case "venue": isGerman ? "Ort" : "Place"
        case "startsAt": isGerman ? "Beginn" : "Starts"
        case "endsAt": isGerman ? "Ende" : "Ends"
        case "timeZone": isGerman ? "Zeitzone" : "Time zone"
        default: nil
        }
    }
}
