import Domain
import Foundation

/// An event's times as attendees read them: in the event's time zone, whatever the machine's is.
///
/// The only file of the product that needs all of Foundation: time zone rules and localized dates.
struct EventTime {
    private let zone: TimeZone
    private let zoneName: String
    private let locale: Locale

    /// - Parameter zoneName: an IANA name; one that this machine doesn't know is replaced by UTC, visibly.
    init(zoneName: String, language: Language = .english) {
        locale = Locale(identifier: language == .german ? "de_DE" : "en_GB")
        let known = TimeZone(identifier: zoneName)
        zone = known ?? .gmt
        self.zoneName = known == nil ? "UTC" : zoneName
    }

    /// `Saturday, 5 December 2026, 19:00 – 22:00`, `Samstag, 5. Dezember 2026, 19:00 – 22:00`, with the end's day only
    /// if it differs.
    func range(_ start: Date, _ end: Date) -> String {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = zone
        let lastPart = calendar.isDate(start, inSameDayAs: end) ? time(end) : moment(end)
        return "\(moment(start)) – \(lastPart)"
    }

    /// `Saturday, 5 December 2026, 19:00`
    func moment(_ date: Date) -> String { "\(day(date)), \(time(date))" }

    /// `Saturday, 5 December 2026`
    func day(_ date: Date) -> String {
        style.weekday(.wide).day().month(.wide).year().format(date)
    }

    /// `Europe/Berlin, UTC+1`, as of that moment.
    func zone(at date: Date) -> String {
        let minutes = zone.secondsFromGMT(for: date) / 60
        if zoneName == "UTC" { return "UTC" }
        let hours = "\(minutes < 0 ? "−" : "+")\(abs(minutes) / 60)"
        let rest = abs(minutes) % 60
        return "\(zoneName), UTC\(hours)\(rest == 0 ? "" : ":\(rest < 10 ? "0" : "")\(rest)")"
    }

    private func time(_ date: Date) -> String {
        style.hour(.twoDigits(amPM: .omitted)).minute(.twoDigits).format(date)
    }

    private var style: Date.FormatStyle {
        Date.FormatStyle(locale: locale, calendar: Calendar(identifier: .gregorian), timeZone: zone)
    }
}
