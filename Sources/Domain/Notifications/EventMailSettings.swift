/// How an organizer wants the mails about an event.
public struct EventMailSettings: Hashable, Sendable {
    /// Added to every mail to the event's visitors; empty for nothing.
    public var paragraph: String
    /// `#0b6e5f`; nil for the product's own.
    public var colour: String?
    public var reminders: [Reminder]
    /// Where answers go; nil for the installation's own address.
    public var replyTo: String?

    public init(
        paragraph: String = "", colour: String? = nil, reminders: [Reminder] = Reminder.usual, replyTo: String? = nil
    ) {
        self.paragraph = paragraph
        self.colour = colour
        self.reminders = reminders
        self.replyTo = replyTo
    }

    /// Whether white text can be read on a colour: a contrast of 4.5 or more (WCAG 2.2, 1.4.3). Nil for what is no
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

    /// The share of light of one channel, 0 to 255, in sRGB; by a polynomial that is good to some thousandths.
    private static func linear(_ channel: Int) -> Double {
        let value = Double(channel) / 255
        return value * (value * (value * 0.305306011 + 0.682171111) + 0.012522878)
    }
}
