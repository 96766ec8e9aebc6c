/// Why bytes are not an acceptable JSON text.
public enum JSONDocumentError: Error, Sendable, Hashable {
    /// Invalid JSON (RFC 8259), a duplicate name in one object (RFC 7493 §2.3), or a lone surrogate.
    /// - Parameter offset: the byte at which that shows.
    case malformed(offset: Int)
    /// Arrays and objects are nested deeper than ``JSONDocument/maximumDepth``.
    case tooDeep
    /// An object has more members than ``JSONDocument/maximumMembers``.
    case tooManyMembers
}

/// A JSON text from outside, validated in one pass and read by value afterwards.
///
/// Validation is iterative and keeps only one number per name of the currently open objects: 256 kB of the worst input
/// take a few milliseconds. Only the requested values are materialized:
///
///     let body = try JSONDocument(bytes)
///     let title = body.root.members?["title"]?.string
public struct JSONDocument: Sendable {
    /// Maximum nesting depth of arrays and objects; the outermost counts as one.
    public static let maximumDepth = 32
    /// Maximum number of members in one object.
    public static let maximumMembers = 1024

    fileprivate let bytes: [UInt8]
    /// The top-level value.
    public var root: JSONElement { JSONElement(text: self, start: JSONBytes.afterSpace(bytes, from: 0)) }

    /// - Parameter bytes: UTF-8 without a byte order mark.
    public init(_ bytes: [UInt8]) throws(JSONDocumentError) {
        guard String(validating: bytes, as: UTF8.self) != nil else { throw .malformed(offset: 0) }
        self.bytes = bytes
        let result = bytes.withUnsafeBufferPointer { buffer -> Result<Void, JSONDocumentError> in
            var check = JSONCheck(buffer)
            return Result { () throws(JSONDocumentError) in try check.run() }
        }
        try result.get()
    }
}

/// A value within a validated text: its start; everything else is read on demand.
public struct JSONElement: Sendable {
    fileprivate let text: JSONDocument
    fileprivate let start: Int

    private var first: UInt8 { text.bytes[start] }

    public var isNull: Bool { first == UInt8(ascii: "n") }

    /// Nil unless it is `true` or `false`.
    public var bool: Bool? {
        switch first {
        case UInt8(ascii: "t"): true
        case UInt8(ascii: "f"): false
        default: nil
        }
    }

    /// Nil unless it is an integer that fits; `1.0` and `1e2` are integers.
    public var integer: Int? {
        guard let number else { return nil }
        if let integer = Int(number) { return integer }
        // No integer that fits takes more.
        guard number.utf8.count <= 64, let double = Double(number) else { return nil }
        return Int(exactly: double)
    }

    /// Nil unless it is a number; then as written.
    public var number: String? {
        guard first == UInt8(ascii: "-") || JSONBytes.isDigit(first) else { return nil }
        return String(decoding: text.bytes[start..<JSONBytes.afterValue(text.bytes, from: start)], as: UTF8.self)
    }

    /// Nil unless it is a string; then unescaped.
    public var string: String? {
        guard first == UInt8(ascii: "\"") else { return nil }
        return JSONBytes.string(text.bytes, at: start)
    }

    /// Nil unless it is an array.
    /// - Parameter limit: maximum number of elements to read.
    public func elements(upTo limit: Int) -> [JSONElement]? {
        guard first == UInt8(ascii: "[") else { return nil }
        var elements: [JSONElement] = []
        var index = JSONBytes.afterSpace(text.bytes, from: start + 1)
        while text.bytes[index] != UInt8(ascii: "]"), elements.count < limit {
            elements.append(JSONElement(text: text, start: index))
            index = JSONBytes.afterSpace(text.bytes, from: JSONBytes.afterValue(text.bytes, from: index))
            if text.bytes[index] == UInt8(ascii: ",") { index = JSONBytes.afterSpace(text.bytes, from: index + 1) }
        }
        return elements
    }

    /// Nil unless it is an object.
    public var members: [String: JSONElement]? {
        guard first == UInt8(ascii: "{") else { return nil }
        var members: [String: JSONElement] = [:]
        var index = JSONBytes.afterSpace(text.bytes, from: start + 1)
        while text.bytes[index] != UInt8(ascii: "}") {
            let name = JSONBytes.string(text.bytes, at: index)
            index = JSONBytes.afterSpace(text.bytes, from: JSONBytes.afterValue(text.bytes, from: index))
            index = JSONBytes.afterSpace(text.bytes, from: index + 1)
            // Names that differ in their bytes but are equal to Swift: the first one wins.
            if members[name] == nil { members[name] = JSONElement(text: text, start: index) }
            index = JSONBytes.afterSpace(text.bytes, from: JSONBytes.afterValue(text.bytes, from: index))
            if text.bytes[index] == UInt8(ascii: ",") { index = JSONBytes.afterSpace(text.bytes, from: index + 1) }
        }
        return members
    }

    /// The value as written.
    public var source: [UInt8] { Array(text.bytes[start..<JSONBytes.afterValue(text.bytes, from: start)]) }
}

/// The validation of ``JSONDocument``: a state machine over the bytes, with a stack of open arrays and objects.
private struct JSONCheck {
    private enum Expecting {
        case value, firstElement, firstName, name, separator
    }

    private static let array = -1

    private let bytes: UnsafeBufferPointer<UInt8>
    private var index = 0
    /// One entry per open array or object: the index in `names` where the object's names begin, or ``array``.
    private var open: [Int] = []
    /// The names of the open objects, as hashes under this process's seed, so that an attacker can't construct
    /// collisions.
    private var names: [Int] = []

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    mutating func run() throws(JSONDocumentError) {
        var expecting = Expecting.value
        repeat {
            skipSpace()
            guard let byte = current else { throw malformed }
            switch (expecting, byte) {
            case (.firstElement, UInt8(ascii: "]")), (.firstName, UInt8(ascii: "}")):
                try close()
                expecting = .separator
            case (.value, _), (.firstElement, _):
                expecting = try value(byte)
            case (.firstName, UInt8(ascii: "\"")), (.name, UInt8(ascii: "\"")):
                try name()
                expecting = .value
            case (.separator, UInt8(ascii: ",")):
                index += 1
                expecting = isInObject ? .name : .value
            case (.separator, UInt8(ascii: "}")) where isInObject, (.separator, UInt8(ascii: "]")) where !isInObject:
                try close()
            default: throw malformed
            }
        } while !open.isEmpty
        skipSpace()
        guard current == nil else { throw malformed }
    }

    private var isInObject: Bool { open.last != Self.array }
    private var malformed: JSONDocumentError { .malformed(offset: index) }
    private var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    /// Ends an array, or an object without duplicate names.
    private mutating func close() throws(JSONDocumentError) {
        let first = open.removeLast()
        if first != Self.array {
            if names.count > first + 1 {
                names.withUnsafeMutableBufferPointer { $0[first...].sort() }
                for second in (first + 1)..<names.count where names[second] == names[second - 1] { throw malformed }
            }
            names.removeLast(names.count - first)
        }
        index += 1
    }

    private mutating func skipSpace() {
        while index < bytes.count, JSONBytes.isSpace(bytes[index]) { index += 1 }
    }

    /// Reads a value, or its opening bracket.
    private mutating func value(_ byte: UInt8) throws(JSONDocumentError) -> Expecting {
        switch byte {
        case UInt8(ascii: "["), UInt8(ascii: "{"):
            guard open.count < JSONDocument.maximumDepth else { throw .tooDeep }
            let isObject = byte == UInt8(ascii: "{")
            open.append(isObject ? names.count : Self.array)
            index += 1
            return isObject ? .firstName : .firstElement
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        default: try number()
        }
        return .separator
    }

    /// Reads a name and its colon.
    private mutating func name() throws(JSONDocumentError) {
        let start = index + 1
        let isPlain = try string()
        guard let first = open.last, names.count - first < JSONDocument.maximumMembers else { throw .tooManyMembers }
        var hasher = Hasher()
        let content = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[start..<(index - 1)])
        if isPlain {
            hasher.combine(bytes: content)
        } else {
            JSONBytes.unescaped(content[...]).withUnsafeBytes { hasher.combine(bytes: $0) }
        }
        names.append(hasher.finalize())
        skipSpace()
        guard current == UInt8(ascii: ":") else { throw malformed }
        index += 1
    }

    private mutating func word(_ word: StaticString) throws(JSONDocumentError) {
        guard index + word.utf8CodeUnitCount <= bytes.count else { throw malformed }
        for offset in 0..<word.utf8CodeUnitCount where bytes[index + offset] != word.utf8Start[offset] {
            throw malformed
        }
        index += word.utf8CodeUnitCount
    }

    /// Reads a number that fits a `Double`.
    private mutating func number() throws(JSONDocumentError) {
        let start = index
        try digitsAndSigns()
        // Without an exponent, it takes this many digits to overflow or underflow.
        guard index - start > 308 || bytes[start..<index].contains(where: { $0 | 0x20 == UInt8(ascii: "e") }) else {
            return
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        guard let value = Double(text), value.isFinite else { throw malformed }
        let isNothing = text.utf8.prefix { $0 | 0x20 != UInt8(ascii: "e") }
            .allSatisfy { !(UInt8(ascii: "1")...UInt8(ascii: "9") ~= $0) }
        guard value != 0 || isNothing else { throw malformed }
    }

    private mutating func digitsAndSigns() throws(JSONDocumentError) {
        if current == UInt8(ascii: "-") { index += 1 }
        if current == UInt8(ascii: "0") { index += 1 } else { try digits() }
        if current == UInt8(ascii: ".") {
            index += 1
            try digits()
        }
        guard let current, current | 0x20 == UInt8(ascii: "e") else { return }
        index += 1
        if self.current == UInt8(ascii: "+") || self.current == UInt8(ascii: "-") { index += 1 }
        try digits()
    }

    private mutating func digits() throws(JSONDocumentError) {
        let start = index
        while let current, JSONBytes.isDigit(current) { index += 1 }
        guard index > start else { throw malformed }
    }

    /// Reads a string with its quotes; returns whether it has no escapes.
    private mutating func string() throws(JSONDocumentError) -> Bool {
        var isPlain = true
        index += 1
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\""):
                index += 1
                return isPlain
            case UInt8(ascii: "\\"):
                isPlain = false
                try escape()
            case 0..<0x20: throw malformed
            default: index += 1
            }
        }
        throw malformed
    }

    private mutating func escape() throws(JSONDocumentError) {
        guard index + 1 < bytes.count else { throw malformed }
        switch bytes[index + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            index += 2
        case UInt8(ascii: "u"):
            let unit = try unit()
            guard !UTF16.isTrailSurrogate(unit) else { throw malformed }
            guard UTF16.isLeadSurrogate(unit) else { return }
            guard index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u"),
                UTF16.isTrailSurrogate(try self.unit())
            else { throw malformed }
        default: throw malformed
        }
    }

    /// Reads `\uXXXX`.
    private mutating func unit() throws(JSONDocumentError) -> UInt16 {
        guard index + 6 <= bytes.count else { throw malformed }
        var unit: UInt16 = 0
        for offset in 2..<6 {
            guard let digit = JSONBytes.hexadecimal(bytes[index + offset]) else { throw malformed }
            unit = unit << 4 | digit
        }
        index += 6
        return unit
    }
}

/// Navigation over bytes that ``JSONCheck`` has validated.
private enum JSONBytes {
    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
    static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    static func hexadecimal(_ byte: UInt8) -> UInt16? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    static func afterSpace(_ bytes: [UInt8], from index: Int) -> Int {
        var index = index
        while index < bytes.count, isSpace(bytes[index]) { index += 1 }
        return index
    }

    static func afterString(_ bytes: [UInt8], from start: Int) -> Int {
        var index = start + 1
        while bytes[index] != UInt8(ascii: "\"") { index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1 }
        return index + 1
    }

    static func afterValue(_ bytes: [UInt8], from start: Int) -> Int {
        var index = start
        var depth = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index = afterString(bytes, from: index)
                if depth == 0 { return index }
                continue
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                // The end of an array or object whose last value is a number or a literal.
                if depth == 0 { return index }
                depth -= 1
                if depth == 0 { return index + 1 }
            case let byte where depth == 0 && (byte == UInt8(ascii: ",") || isSpace(byte)): return index
            default: break
            }
            index += 1
        }
        return index
    }

    /// The text of the string that begins at `start`.
    static func string(_ bytes: [UInt8], at start: Int) -> String {
        let content = bytes[(start + 1)..<(afterString(bytes, from: start) - 1)]
        guard content.contains(UInt8(ascii: "\\")) else { return String(decoding: content, as: UTF8.self) }
        return String(decoding: unescaped(content), as: UTF8.self)
    }

    /// The content between a string's quotes, in UTF-8, unescaped.
    static func unescaped<Bytes: Collection<UInt8>>(_ content: Bytes) -> [UInt8] where Bytes.SubSequence == Bytes {
        var text: [UInt8] = []
        text.reserveCapacity(content.count)
        var rest = content
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                continue
            }
            var value = escapedUnit(&rest)
            if 0xD800..<0xDC00 ~= value {
                rest.removeFirst()
                value = 0x10000 + (value - 0xD800) << 10 + (escapedUnit(&rest) - 0xDC00)
            }
            if let scalar = Unicode.Scalar(value) { text += UTF8.encode(scalar) ?? .init() }
        }
        return text
    }

    /// The code unit of an escape, from after its backslash.
    private static func escapedUnit<Bytes: Collection<UInt8>>(_ rest: inout Bytes) -> UInt32
    where Bytes.SubSequence == Bytes {
        let kind = rest.removeFirst()
        switch kind {
        case UInt8(ascii: "b"): return 0x08
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "u"):
            defer { rest = rest.dropFirst(4) }
            return rest.prefix(4).reduce(0) { $0 << 4 | UInt32(hexadecimal($1) ?? 0) }
        default: return UInt32(kind)
        }
    }
}
