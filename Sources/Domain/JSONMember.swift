/// Finds a member's value in the text of a JSON object, to carry it along as it is.
///
/// Only for text that a parser has taken already: nothing is checked here, and of what is no JSON nothing sensible is
/// found. A key that is written with escapes is not recognised.
struct JSONMember {
    private let bytes: [UInt8]
    private var index = 0

    /// Where the value of the member stands; nil when the object has none of that name.
    static func range(of key: String, in bytes: [UInt8]) -> Range<Int>? {
        var scan = JSONMember(bytes: bytes)
        return scan.find(Array(key.utf8))
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func find(_ key: [UInt8]) -> Range<Int>? {
        skipSpace()
        guard take(UInt8(ascii: "{")) else { return nil }
        while true {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { return nil }
            let name = string()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { return nil }
            skipSpace()
            let value = value()
            if bytes[name].dropFirst().dropLast().elementsEqual(key) { return value }
            skipSpace()
            guard take(UInt8(ascii: ",")) else { return nil }
        }
    }

    private var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard current == byte else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while let current, current == 0x20 || (0x09...0x0D).contains(current) { index += 1 }
    }

    /// A string with its quotes.
    private mutating func string() -> Range<Int> {
        let start = index
        index += 1
        while let current, current != UInt8(ascii: "\"") { index += current == UInt8(ascii: "\\") ? 2 : 1 }
        index = min(index + 1, bytes.count)
        return start..<index
    }

    private mutating func value() -> Range<Int> {
        let start = index
        var depth = 0
        while let current {
            switch current {
            case UInt8(ascii: "\""):
                _ = string()
                if depth == 0 { return start..<index }
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                // The end of the object that a number or a word is the last member of.
                if depth == 0 { return start..<index }
                depth -= 1
                if depth == 0 {
                    index += 1
                    return start..<index
                }
            case UInt8(ascii: ","), 0x20, 0x09...0x0D:
                if depth == 0 { return start..<index }
            default: break
            }
            index += 1
        }
        return start..<index
    }
}
