/// An organizer's settings for the emails about an event.
public struct EventMailSettings: Hashable, Sendable {
    /// Added to every email to the event's attendees; empty for none.
    public var paragraph: String
    /// `#0b6e5f`; nil for the default.
    public var colour: String?
    public var reminders: [Reminder]
    /// The reply-to address; nil for the installation's own address.
    public var replyTo: String?

    public init(
        paragraph: String = "", colour: String? = nil, reminders: [Reminder] = Reminder.usual, replyTo: String? = nil
    ) {
        self.paragraph = paragraph
        self.colour = colour
        self.reminders = reminders
        self.replyTo = replyTo
    }

    /// Whether white text is readable on a color: a contrast of 4.5 or more (WCAG 2.2, 1.4.3). Nil unless it is
    /// `#rrggbb` in lower case.
    public static func isReadable(_ colour: String) -> Bool? {
        let digits = colour.dropFirst().utf8
        guard colour.hasPrefix("#"), digits.count == 6,
            digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
            let number = Int(colour.dropFirst(), radix: 16)
        else { return nil }
        // 1.05 / (L + 0.05) ≥ 4.5
        return 0.2126 * linear(number >> 16) + 0.7152 * linear(number >> 8 & 255) + 0.0722 * linear(number & 255)
            <= 0.183
    }

    /// The luminance of one sRGB channel, 0 to 255; by a polynomial that is accurate to some thousandths.
    private static func linear(_ channel: Int) -> Double {
        let value = Double(channel) / 255
        return value * (value * (value * 0.305306011 + 0.682171111) + 0.012522878)
    }
}
