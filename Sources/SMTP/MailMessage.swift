public import struct FoundationEssentials.Date

/// A mailbox: an address and, optionally, the name to show with it.
public struct MailAddress: Sendable, Hashable {
    public let name: String?
    public let address: String

    /// - Throws: `.invalidMessage` when `address` is no plain `local@domain`, or `name` holds a control character.
    public init(name: String? = nil, address: String) throws(SMTPError) {
        let forbidden = #"<>()[]\,;:" "#
        let parts = address.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty, address.utf8.count <= 254,
            !address.contains(where: forbidden.contains), !holdsControlCharacter(address)
        else { throw .invalidMessage("address") }
        if let name, holdsControlCharacter(name) { throw .invalidMessage("name") }
        self.name = name
        self.address = address
    }

    /// Reads `Name <local@domain>` or `local@domain`, as configuration has it.
    ///
    /// - Throws: as `init(name:address:)`.
    public init(_ text: String) throws(SMTPError) {
        guard let open = text.lastIndex(of: "<") else {
            try self.init(address: text)
            return
        }
        guard text.last == ">" else { throw .invalidMessage("address") }
        var name = text[..<open].drop { $0 == " " }
        while name.last == " " { name.removeLast() }
        if name.count >= 2, name.first == "\"", name.last == "\"" { name = name.dropFirst().dropLast() }
        let address = text[text.index(after: open)...].dropLast()
        try self.init(name: name.isEmpty ? nil : String(name), address: String(address))
    }

    /// Whether mail servers take it as a sender's: ASCII, no quoting, a whole domain's name (RFC 5321 §2.3.5, §4.1.2).
    public var isUsableSender: Bool {
        let local = address.prefix { $0 != "@" }
        let atoms = local.split(separator: ".", omittingEmptySubsequences: false)
        return local.utf8.count <= 64
            && atoms.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } }
            && Hostname.isValid(domain) && Hostname.isWhole(domain)
    }

    /// What follows the `@`.
    public var domain: String { String(address.split(separator: "@").last ?? "") }
}

/// One mail to one recipient. The texts' line ends may be LF or CRLF.
public struct MailMessage: Sendable {
    /// A file that goes along.
    public struct Part: Sendable {
        /// The file name; ASCII without quotes and control characters.
        public var name: String
        /// `image/png`, `text/calendar; charset=utf-8`.
        public var mediaType: String
        public var bytes: [UInt8]
        /// What `cid:` URLs in the HTML refer to (RFC 2392); only for inline parts.
        public var contentID: String?

        public init(name: String, mediaType: String, bytes: [UInt8], contentID: String? = nil) {
            self.name = name
            self.mediaType = mediaType
            self.bytes = bytes
            self.contentID = contentID
        }
    }

    /// An iCalendar object offered as an alternative to text and HTML, which is how mail programs learn of an
    /// invitation (RFC 6047, iMIP).
    public struct Invitation: Sendable {
        /// The iTIP method, the same as in the object: `REQUEST`, `CANCEL`.
        public var method: String
        public var calendar: [UInt8]

        public init(method: String, calendar: [UInt8]) {
            self.method = method
            self.calendar = calendar
        }
    }

    public var from: MailAddress
    public var to: MailAddress
    public var replyTo: MailAddress?
    public var subject: String
    /// Without the angle brackets. The same at every attempt, so that a repeated delivery can be recognised.
    public var messageID: String
    public var date: Date
    public var text: String
    public var html: String?
    /// What the HTML shows.
    public var inlineParts: [Part] = []
    public var invitation: Invitation?
    public var attachments: [Part] = []
    /// Further header fields: ASCII, names without colons, values in one line.
    public var headers: [(name: String, value: String)] = []

    public init(from: MailAddress, to: MailAddress, subject: String, messageID: String, date: Date, text: String) {
        self.from = from
        self.to = to
        self.subject = subject
        self.messageID = messageID
        self.date = date
        self.text = text
    }
}
