import Testing
import UnicodeText

@Suite("Spellings of one text")
struct UnicodeTextTests {
    @Test("what is put together of parts is one character, and nothing else changes")
    func canonical() {
        #expect(Array(UnicodeText.canonical("Cafe\u{301}").unicodeScalars) == Array("Café".unicodeScalars))
        #expect(UnicodeText.canonical("각").unicodeScalars.count == 1)
        #expect(UnicodeText.canonical("ｆｕｌｌ ﬁ ²") == "ｆｕｌｌ ﬁ ²")
        #expect(UnicodeText.canonical("plain\0tést") == "plain\0tést")
        #expect(UnicodeText.canonical("") == "")
    }

    @Test("forms of the same letter are one for passwords")
    func compatible() {
        #expect(UnicodeText.compatible("ｐａｓｓ ﬁ ²\u{A0}x") == "pass fi 2 x")
        #expect(Array(UnicodeText.compatible("A\u{30A}").unicodeScalars) == Array("Å".unicodeScalars))
    }

    @Test(
        "domains of every script have one spelling in ASCII",
        arguments: [
            ("münchen.example", "xn--mnchen-3ya.example"), ("MÜNCHEN.example", "xn--mnchen-3ya.example"),
            ("mu\u{308}nchen.example", "xn--mnchen-3ya.example"), ("straße.example", "xn--strae-oqa.example"),
            ("例え.テスト", "xn--r8jz45g.xn--zckzah"), ("example.COM", "example.com"),
            ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
        ])
    func domains(name: String, ascii: String) {
        #expect(UnicodeText.asciiDomain(name) == ascii)
    }
}
