public import FoundationEssentials

/// One event as an iCalendar document (RFC 5545), for a download or as an email invitation (RFC 5546).
///
/// Times are written in UTC: every calendar shows them in its owner's time zone, and no zone definition has to be
/// included.
public struct CalendarEntry: Sendable {
    /// The document's iTIP method.
    public enum Method: String, Sendable {
        case publish = "PUBLISH"
        case request = "REQUEST"
        case cancel = "CANCEL"
    }

    public var method: Method
    /// The same for every version of an entry, such as `<registration id>@host`; later versions replace earlier ones.
    public var uid: String
    /// Increases with every change of the entry.
    public var sequence: Int
    public var title: String
    public var description: String
    public var location: String
    public var startsAt: Date
    public var endsAt: Date
    /// When this version was written.
    public var stampedAt: Date
    public var url: String?
    /// RFC 5546 requires an organizer in a request or a cancellation.
    public var organizer: (name: String, email: String)?
    public var attendee: (name: String, email: String)?

    public init(
        method: Method = .publish, uid: String, sequence: Int = 0, title: String, description: String = "",
        location: String = "", startsAt: Date, endsAt: Date, stampedAt: Date, url: String? = nil,
        organizer: (name: String, email: String)? = nil, attendee: (name: String, email: String)? = nil
    ) {
        self.method = method
        self.uid = uid
        self.sequence = sequence
        self.title = title
        self.description = description
        self.location = location
        self.startsAt = startsAt
        self.endsAt = endsAt
        self.stampedAt = stampedAt
        self.url = url
        self.organizer = organizer
        self.attendee = attendee
    }

    /// The document, with lines folded and ended as the RFC requires.
    public func text() -> String {
        var lines = [
            "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//EM-Connect//Event Manager//EN", "CALSCALE:GREGORIAN",
            "METHOD:\(method.rawValue)", "BEGIN:VEVENT", "UID:\(Self.escaped(uid))", "SEQUENCE:\(sequence)",
            "DTSTAMP:\(Self.time(stampedAt))", "DTSTART:\(Self.time(startsAt))", "DTEND:\(Self.time(endsAt))",
            "SUMMARY:\(Self.escaped(title))", "STATUS:\(method == .cancel ? "CANCELLED" : "CONFIRMED")",
        ]
        if !description.isEmpty { lines.append("DESCRIPTION:\(Self.escaped(description))") }
        if !location.isEmpty { lines.append("LOCATION:\(Self.escaped(location))") }
        if let url { lines.append("URL:\(url)") }
        if let organizer { lines.append("ORGANIZER;CN=\(Self.quoted(organizer.name)):mailto:\(organizer.email)") }
        if let attendee {
            lines.append(
                "ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;CN=\(Self.quoted(attendee.name)):mailto:\(attendee.email)"
            )
        }
        lines += ["END:VEVENT", "END:VCALENDAR"]
        return lines.map { Self.folded($0) + "\r\n" }.joined()
    }

    /// §3.3.5, form 2: `20260501T180000Z`.
    private static func time(_ date: Date) -> String {
        let whole = Date(timeIntervalSince1970: date.timeIntervalSince1970.rounded(.down))
        return whole.formatted(.iso8601).replacing("-", with: "").replacing(":", with: "")
    }

    /// §3.3.11: escapes backslash, semicolon, comma and line break; drops other control characters.
    private static func escaped(_ text: String) -> String {
        var escaped = String.UnicodeScalarView()
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\", ";", ",": escaped.append(contentsOf: ["\\", scalar])
            case "\r": escaped.append(contentsOf: ["\\", "n"])
            case "\n": if previous != "\r" { escaped.append(contentsOf: ["\\", "n"]) }
            case _ where scalar.isControl && scalar != "\t": break
            default: escaped.append(scalar)
            }
            previous = scalar
        }
        return String(escaped)
    }

    /// §3.2: a quoted parameter value can't contain quotes or control characters; RFC 6868 encodes them.
    private static func quoted(_ text: String) -> String {
        let plain = text.unicodeScalars.filter { !$0.isControl }
            .map { $0 == "\"" ? "^'" : $0 == "^" ? "^^" : String($0) }.joined()
        return "\"\(plain)\""
    }

    /// §3.1: no line longer than 75 octets; a continuation starts with a space. Never splits a character.
    private static func folded(_ line: String) -> String {
        var folded = ""
        var length = 0
        for character in line.unicodeScalars {
            let width = String(character).utf8.count
            if length + width > 75 {
                folded += "\r\n "
                length = 1
            }
            folded.unicodeScalars.append(character)
            length += width
        }
        return folded
    }
}
