import CUnicodeText

/// One spelling for texts that look alike (Unicode Standard Annex #15; the tables are GLib's), and for domain names (RFC 5891;
/// libidn2's).
///
///     UnicodeText.canonical("Cafe\u{301}")                 // "Café", of four characters
///     UnicodeText.compatible("ｐａｓｓ")                     // "pass"
///     UnicodeText.asciiDomain("münchen.example")           // "xn--mnchen-3ya.example"
public enum UnicodeText {
    /// Normalization Form C: what a keyboard and a file system spell differently is one text.
    public static func canonical(_ text: String) -> String { normalized(text, isCompatible: false) }

    /// Normalization Form KC: forms of the same letter are one, such as wide and narrow ones.
    public static func compatible(_ text: String) -> String { normalized(text, isCompatible: true) }

    /// A domain name in letters, digits and hyphens, in lower case; nil for what can't be one.
    public static func asciiDomain(_ name: String) -> String? {
        guard !name.utf8.contains(0), let ascii = unicode_domain_to_ascii(name) else { return nil }
        defer { unicode_domain_free(ascii) }
        return String(cString: ascii)
    }

    private static func normalized(_ text: String, isCompatible: Bool) -> String {
        // As most texts are, and nothing to do for them. GLib would take a zero byte for the end.
        if text.utf8.allSatisfy({ $0 < 0x80 }) || text.utf8.contains(0) { return text }
        var text = text
        return text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                guard let made = unicode_text_normalized(characters.baseAddress, bytes.count, isCompatible ? 1 : 0)
                else { return String(decoding: bytes, as: UTF8.self) }
                defer { unicode_text_free(made) }
                return String(cString: made)
            }
        }
    }
}
