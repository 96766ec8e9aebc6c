/// A collector of field errors, so that people get all of them at once.
public struct Validation: Sendable {
    public private(set) var errors: [FieldError] = []

    public init() {}

    public mutating func fail(_ field: String, _ violation: FieldViolation) {
        errors.append(FieldError(field: field, violation))
    }

    /// A parsed value, if everything was valid.
    /// - Parameter value: nil only if an error was noted.
    /// - Throws: ``DomainError/validationFailed(_:)``.
    public func checked<Value>(_ value: Value?) throws -> Value {
        try check()
        guard let value else { preconditionFailure("nil without a mistake") }
        return value
    }

    /// Checks a text's length in characters and that it has no unprintable characters; returns it trimmed.
    public mutating func text(
        _ field: String, _ value: String?, _ length: ClosedRange<Int>, multiline: Bool = false
    ) -> String {
        let trimmed = (value ?? "").trimmedWhitespace
        if length.lowerBound > 0, !trimmed.unicodeScalars.contains(where: \.isVisible) {
            fail(field, .required)
        } else if trimmed.count < length.lowerBound {
            fail(field, .tooShort(minimum: length.lowerBound))
        } else if trimmed.count > length.upperBound || trimmed.utf8.count > length.upperBound * 8 {
            fail(field, .tooLong(maximum: length.upperBound))
        } else if trimmed.unicodeScalars.contains(where: { $0.isControl && !(multiline && $0.isLineBreakOrTab) }) {
            fail(field, .controlCharacters)
        } else if !multiline, trimmed.unicodeScalars.contains(where: \.turnsText) {
            fail(field, .directionalCharacters)
        }
        return trimmed
    }

    /// Checks that an address is one that a mail server would accept: one @, no white space, a dot-atom or quoted-free
    /// local part, and a domain of letters, digits and hyphens. Lengths are from RFC 5321 §4.5.3.1. Returns it trimmed
    /// and in lower case: addresses that differ only in case are the same.
    public mutating func email(_ field: String, _ value: String?) -> String {
        let address = (value ?? "").trimmedInvisible.lowercased()
        if address.isEmpty {
            fail(field, .required)
        } else if !EmailAddress.isPlausible(address) {
            fail(field, .notAnEmail)
        }
        return address
    }

    /// 8 to 128 characters of any kind (NIST SP 800-63B §5.1.1.2 requires no composition rules).
    public mutating func password(_ field: String, _ value: String?) -> String {
        let password = value ?? ""
        if password.count < 8 {
            fail(field, .tooShort(minimum: 8))
        } else if password.count > 128 || password.utf8.count > 1024 {
            fail(field, .tooLong(maximum: 128))
        } else if password.unicodeScalars.contains("\0") {
            fail(field, .controlCharacters)
        }
        return password
    }

    /// Throws all errors as one; returns if there are none.
    public func check() throws(DomainError) {
        if !errors.isEmpty { throw .validationFailed(errors) }
    }
}

enum EmailAddress {
    static func isPlausible(_ address: String) -> Bool {
        let parts = address.split(separator: "@", omittingEmptySubsequences: false)
        guard address.utf8.count <= 254, parts.count == 2 else { return false }
        let (local, domain) = (parts[0], parts[1])
        guard (1...64).contains(local.utf8.count), local.utf8.allSatisfy(isAtomByte),
            !local.hasPrefix("."), !local.hasSuffix("."), !local.contains("..")
        else { return false }
        let labels = domain.split(separator: ".", omittingEmptySubsequences: false)
        return labels.count >= 2
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
                    && label.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
            }
    }

    /// RFC 5322 §3.2.3 `atext`, and the dot.
    private static func isAtomByte(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || "!#$%&'*+-/=?^_`{|}~.".utf8.contains(byte)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}

extension StringProtocol {
    var trimmedWhitespace: String {
        var slice = self[...]
        while slice.first?.isWhitespace == true { slice.removeFirst() }
        while slice.last?.isWhitespace == true { slice.removeLast() }
        return String(slice)
    }
}

extension StringProtocol {
    /// The text without white space and invisible characters at both ends, which copied addresses bring along. Control
    /// characters are not trimmed, so that they are refused.
    public var trimmedInvisible: String {
        func goes(_ scalar: Unicode.Scalar?) -> Bool {
            guard let scalar, scalar.isUnseen else { return false }
            return scalar.properties.isWhitespace || !scalar.isControl
        }
        var scalars = Substring(self).unicodeScalars
        while goes(scalars.first) { scalars.removeFirst() }
        while goes(scalars.last) { scalars.removeLast() }
        return String(Substring(scalars))
    }
}

extension Unicode.Scalar {
    /// Whether it is blank or invisible.
    var isUnseen: Bool {
        switch properties.generalCategory {
        case .control, .format, .spaceSeparator, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned: true
        // Unicode classifies the blank Braille pattern as a symbol.
        default: properties.isDefaultIgnorableCodePoint || self == "\u{2800}"
        }
    }

    /// Whether it is visible by itself: a mark needs a letter.
    var isVisible: Bool {
        !isUnseen && properties.generalCategory != .nonspacingMark && properties.generalCategory != .enclosingMark
    }

    /// Whether it is a dash or a minus, of any length.
    var isDash: Bool { properties.generalCategory == .dashPunctuation || value == 0x2212 || value == 0xFF0D }

    /// Whether it changes the direction of the following text (Unicode Standard Annex #9, "Directional Formatting
    /// Characters").
    var turnsText: Bool {
        switch value {
        case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    var isControl: Bool { properties.generalCategory == .control }
    var isLineBreakOrTab: Bool { self == "\n" || self == "\r" || self == "\t" }
}
