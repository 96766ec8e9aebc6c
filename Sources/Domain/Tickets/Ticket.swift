public import FoundationEssentials

public enum TicketStatus: String, Codable, Sendable, CaseIterable {
    case valid, revoked
}

/// A ticket of a confirmed registration.
public struct Ticket: Hashable, Sendable {
    public var id: TicketID
    public var eventID: EventID
    public var registrationID: RegistrationID
    public var userID: UserID
    /// The code for typing: see ``TicketCode``.
    public var code: String
    /// The content of the QR code: see ``TicketToken``.
    public var qrText: String
    public var status: TicketStatus
    public var issuedAt: Date
    public var revokedAt: Date?
    public var checkedInAt: Date?

    public init(
        id: TicketID, eventID: EventID, registrationID: RegistrationID, userID: UserID, code: String, qrText: String,
        status: TicketStatus, issuedAt: Date, revokedAt: Date?, checkedInAt: Date?
    ) {
        self.id = id
        self.eventID = eventID
        self.registrationID = registrationID
        self.userID = userID
        self.code = code
        self.qrText = qrText
        self.status = status
        self.issuedAt = issuedAt
        self.revokedAt = revokedAt
        self.checkedInAt = checkedInAt
    }
}

/// The code printed under a QR code: twelve unambiguous characters, `7K3M-Q9XT-2VHD`.
///
/// Crockford's alphabet (no I, L, O, U), eleven random characters (55 bits: not guessable at a gate) and one check
/// character, which distinguishes a typo (one wrong character, or two swapped neighbors) from an unknown ticket.
public struct TicketCode: Hashable, Sendable, CustomStringConvertible {
    /// With its hyphens.
    public let description: String

    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
    private static let randomCharacters = 11

    /// A new random code. The database ensures that it is unique.
    public init(using generator: inout some RandomNumberGenerator) {
        self.init(symbols: (0..<Self.randomCharacters).map { _ in Int.random(in: 0..<32, using: &generator) })
    }

    /// Parses typed input: case, width, spaces and dashes are ignored, and O, I, L are read as 0, 1, 1.
    public init?(typed text: String) {
        guard var symbols = Self.symbols(typed: text), symbols.count == Self.randomCharacters + 1,
            symbols.removeLast() == Self.check(symbols)
        else { return nil }
        self.init(symbols: symbols)
    }

    /// The prefix of codes, with hyphens, for at least four typed characters; nil if no code can begin with them. Of a
    /// million codes, one begins with a given four.
    public static func prefix(typed text: String) -> String? {
        guard let symbols = symbols(typed: text), (4...randomCharacters + 1).contains(symbols.count) else { return nil }
        return hyphenated(symbols)
    }

    private static func symbols(typed text: String) -> [Int]? {
        guard text.utf8.count <= 128 else { return nil }
        var symbols: [Int] = []
        for scalar in text.unicodeScalars where !scalar.isUnseen && !scalar.isDash {
            // East Asian keyboards produce full-width letters and digits.
            let value = (0xFF01...0xFF5E).contains(scalar.value) ? scalar.value - 0xFEE0 : scalar.value
            guard value < 0x80 else { return nil }
            var byte = UInt8(value)
            if (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) { byte -= 0x20 }
            let read =
                switch byte {
                case UInt8(ascii: "O"): UInt8(ascii: "0")
                case UInt8(ascii: "I"), UInt8(ascii: "L"): UInt8(ascii: "1")
                default: byte
                }
            guard let symbol = alphabet.firstIndex(of: read) else { return nil }
            symbols.append(symbol)
        }
        return symbols
    }

    private init(symbols: [Int]) {
        description = Self.hyphenated(symbols + [Self.check(symbols)])
    }

    private static func hyphenated(_ symbols: [Int]) -> String {
        let characters = symbols.map { alphabet[$0] }
        return stride(from: 0, to: characters.count, by: 4)
            .map { String(decoding: characters[$0..<min($0 + 4, characters.count)], as: UTF8.self) }
            .joined(separator: "-")
    }

    /// A sum with the weights 1, 3, 5 … modulo 31, a prime: it detects every single wrong character and every swap of
    /// neighbors, except for the one pair of symbols (0 and Z) that are 31 apart.
    private static func check(_ symbols: [Int]) -> Int {
        symbols.enumerated().reduce(0) { ($0 + ($1.offset * 2 + 1) * $1.element) % 31 }
    }
}
