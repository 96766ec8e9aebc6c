@testable import api_service
import Testing

@Suite("CSV")
struct CSVTests {
    @Test(
        "formulas become texts, quotes are doubled",
        arguments: [
            ("plain", "plain"), ("a,b", "\"a,b\""), ("say \"hi\"", "\"say \"\"hi\"\"\""), ("=1+1", "'=1+1"),
            ("+49 40", "'+49 40"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("\tx", "'\tx"), ("\rx", "\"'\rx\""),
            ("=HYPERLINK(\"x\",1)", "\"'=HYPERLINK(\"\"x\"\",1)\""), ("", ""), ("two\nlines", "\"two\nlines\""),
        ])
    func fields(value: String, written: String) {
        #expect(CSV.field(value) == written)
    }

    @Test(
        "a formula is one in full width too, and behind what a spreadsheet drops",
        arguments: [
            "＝1+1", "＋49", "－1", "＠SUM(A1)", "﹦1", "\u{200B}=1+1", "\u{FEFF}=1", "\u{2060}＝1", "\u{AD}-1", "\u{3164}@x",
            "\u{202E}=1", " =1", "\u{A0}+1", "\u{3000}＋1", "\u{B}=1", "\u{0}=1", "\tx", " \t=x", "\u{2003}\u{200D}@x",
        ])
    func formulas(value: String) {
        #expect(CSV.field(value) == "'" + value)
    }

    @Test(
        "words stay as they are",
        arguments: ["", " ", "\u{200B}", " x=1", "a=b", "1-2", "'=1", "−1", "Ünal", "名前", "#REF"])
    func words(value: String) {
        #expect(CSV.field(value) == value)
    }

    @Test("a table begins with the byte order mark and its header")
    func table() {
        #expect(CSV.table(header: ["a", "b"], [["1", "2"]]) == "\u{FEFF}a,b\r\n1,2\r\n")
    }
}
