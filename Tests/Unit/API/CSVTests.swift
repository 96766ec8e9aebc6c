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

    @Test("a table begins with the byte order mark and its header")
    func table() {
        #expect(CSV.table(header: ["a", "b"], [["1", "2"]]) == "\u{FEFF}a,b\r\n1,2\r\n")
    }
}
