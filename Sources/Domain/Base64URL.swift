import FoundationEssentials

/// Base64url without padding (RFC 4648 §5).
public enum Base64URL {
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: encoded(bytes), as: UTF8.self)
    }

    /// The same as bytes, for content too large to handle as text.
    public static func encoded(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.underestimatedCount * 4 + 2) / 3)
        append(bytes, to: &text)
        return text
    }

    /// Appends the encoding to existing bytes.
    public static func append(_ bytes: some Sequence<UInt8>, to text: inout [UInt8]) {
        // Through contiguous storage where available: a sequence from another module is ten times as slow.
        if bytes.withContiguousStorageIfAvailable({ append($0, to: &text) }) == nil {
            Array(bytes).withUnsafeBufferPointer { append($0, to: &text) }
        }
    }

    private static func append(_ bytes: UnsafeBufferPointer<UInt8>, to text: inout [UInt8]) {
        let length = (bytes.count * 4 + 2) / 3
        text += [UInt8](unsafeUninitializedCapacity: length) { characters, count in
            for position in 0..<length {
                // Six bits that begin in this byte and can end in the next.
                let (index, offset) = (position * 6 / 8, position * 6 % 8)
                let next = index + 1 < bytes.count ? bytes[index + 1] : 0
                let pair = UInt16(bytes[index]) << 8 | UInt16(next)
                characters.initializeElement(at: position, to: alphabet[Int(pair >> (10 - offset) & 63)])
            }
            count = length
        }
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// Nil for anything that isn't base64url. Neither padding nor nonzero unused bits in the last character (RFC 4648
    /// §3.5) are accepted, so that every value has one spelling.
    public static func decode(_ text: String) -> [UInt8]? {
        let isKnown = text.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
            default: false
            }
        }
        guard isKnown, text.utf8.count % 4 != 1 else { return nil }
        let standard = text.replacing("-", with: "+").replacing("_", with: "/")
        let padded = standard + String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4)
        guard let bytes = Data(base64Encoded: padded).map(Array.init), encode(bytes) == text else { return nil }
        return bytes
    }
}
