public import FoundationEssentials

/// The lead time of an event reminder: an ISO 8601 duration of days or of hours.
///
/// Days count by the calendar of the event's time zone: seven days before 8 p.m. it was 8 p.m., even across a clock
/// change. Hours are elapsed time.
public enum Reminder: Hashable, Sendable {
    case days(Int)
    case hours(Int)

    /// The default for events whose organizer has chosen nothing else.
    public static let usual: [Reminder] = [.days(7), .hours(24)]
    public static let atMost = 5

    /// `P7D`: 1 to 90 days; `PT24H`: 1 to 72 hours; nil for anything else.
    public init?(_ text: String) {
        let isHours = text.hasPrefix("PT")
        guard text.hasPrefix("P"), text.hasSuffix(isHours ? "H" : "D") else { return nil }
        let digits = text.dropFirst(isHours ? 2 : 1).dropLast()
        guard digits.count <= 2, digits.allSatisfy(\.isASCII), let number = Int(digits), "\(number)" == digits,
            (1...(isHours ? 72 : 90)).contains(number)
        else { return nil }
        self = isHours ? .hours(number) : .days(number)
    }

    public var text: String {
        switch self {
        case .days(let number): "P\(number)D"
        case .hours(let number): "PT\(number)H"
        }
    }

    /// Its approximate length, in seconds.
    public var seconds: TimeInterval {
        switch self {
        case .days(let number): Double(number) * 86_400
        case .hours(let number): Double(number) * 3600
        }
    }
}

/// Data of a reminder's mailing: the details of its notifications.
public struct ReminderDetails: Codable, Hashable, Sendable {
    /// ``Reminder/text``
    public var reminder: String

    public init(reminder: String) { self.reminder = reminder }
}
