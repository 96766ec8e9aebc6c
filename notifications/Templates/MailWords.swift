import Domain

/// The texts of emails that are not in templates.
struct MailWords {
    private let isGerman: Bool

    init(_ language: Language) { isGerman = language == .german }

    var staff: String { isGerman ? "am Einlass" : "check-in staff" }
    var coOrganizer: String { isGerman ? "Mitveranstalter" : "a co-organizer" }
    var openGate: String { isGerman ? "Einlass öffnen" : "Open the gate" }
    var openEvent: String { isGerman ? "Veranstaltung öffnen" : "Open the event" }
    var openSubscriptions: String { isGerman ? "Abonnements öffnen" : "Open your subscriptions" }
    /// The new value of a field that was emptied.
    var nothing: String { isGerman ? "keine Angabe" : "none" }

    /// The button's label.
    func label(of kind: NotificationKind) -> String {
        switch kind {
        case .accountVerifyEmail: isGerman ? "Adresse bestätigen" : "Confirm your address"
        case .accountConfirmEmail: isGerman ? "Neue Adresse bestätigen" : "Confirm the new address"
        default: isGerman ? "Neues Passwort wählen" : "Choose a new password"
        }
    }

    /// The label of an event field whose changes attendees are notified of; nil for all others.
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
