import Domain
import Persistence

/// The texts of a printed ticket, in the holder's language. A service that links no ICU has the few that it needs.
struct TicketWords {
    private let isGerman: Bool

    init(_ language: Language) { isGerman = language == .german }

    var ticket: String { "TICKET" }
    var when: String { isGerman ? "WANN" : "WHEN" }
    var location: String { isGerman ? "WO" : "WHERE" }
    var holder: String { isGerman ? "WER" : "WHO" }
    var organizer: String { isGerman ? "VERANSTALTET VON" : "ORGANIZER" }
    var notValid: String {
        isGerman ? "Dieses Ticket gilt nicht mehr." : "This ticket is no longer valid."
    }
    var instructions: String {
        isGerman
            ? "Zeigen Sie diesen Code am Einlass vor, auf Papier oder auf einem Bildschirm. Er lässt eine Person ein, "
                + "einmal. Ist er nicht lesbar, kann der Code darunter eingegeben werden."
            : "Show this code at the entrance, on paper or on a screen. It lets one person in, once. If it can't be "
                + "read, the code below it can be typed."
    }

    /// `Saturday, 5 December 2026`; `Samstag, 5. Dezember 2026`
    func day(of moment: PrintedTicket.Moment) -> String {
        let weekday = (isGerman ? Self.germanDays : Self.englishDays)[moment.weekday - 1]
        let month = (isGerman ? Self.germanMonths : Self.englishMonths)[moment.month - 1]
        return "\(weekday), \(moment.day)\(isGerman ? "." : "") \(month) \(moment.year)"
    }

    /// `19:00 – 22:00`, with the end's day as well if it differs.
    func hours(from starts: PrintedTicket.Moment, to ends: PrintedTicket.Moment) -> String {
        starts.sharesDay(with: ends)
            ? "\(starts.time) – \(ends.time)" : "\(starts.time) – \(day(of: ends)), \(ends.time)"
    }

    private static let englishDays = [
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
    ]
    private static let germanDays = [
        "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag",
    ]
    private static let englishMonths = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    private static let germanMonths = [
        "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
        "Dezember",
    ]
}
