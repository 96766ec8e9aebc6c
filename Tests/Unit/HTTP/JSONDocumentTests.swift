import Domain
import Testing

@Suite("JSON from outside")
struct JSONDocumentTests {
    private static func refusal(_ text: String) -> JSONDocumentError? {
        do throws(JSONDocumentError) {
            _ = try JSONDocument(Array(text.utf8))
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "what is no JSON is refused, and so is what the standard leaves open",
        arguments: [
            "", " ", "{", "}", "{}{}", "{\"a\":1,}", "[1,]", "[,1]", "{,}", "[}", "{\"a\" 1}", "{\"a\":1 \"b\":2}",
            "{a:1}",
            "{1:2}", "[1 2]", "[1}", "01", "-", "1.", ".5", "1e", "+1", "NaN", "Infinity", "nul", "tru", "True", "'a'",
            "\"a", "\"\\x\"", "\"\\u12\"", "\"\t\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "1e999",
            "-1e999",
            "/**/1", "\u{FEFF}{}", "[1]]",
            // Two spellings of one name are one name.
            #"{"a":1,"a":2}"#, #"{"a":1,"\u0061":2}"#, #"{"x":{"b":1,"c":2,"b":3}}"#,
        ])
    func malformed(text: String) {
        guard case .malformed = Self.refusal(text) else {
            Issue.record("taken, or refused otherwise: \(text)")
            return
        }
    }

    @Test("bytes that are not UTF-8 are refused")
    func encoding() {
        #expect(throws: JSONDocumentError.self) { try JSONDocument([0x22, 0xFF, 0x22]) }
        #expect(throws: JSONDocumentError.self) { try JSONDocument([0x22, 0xED, 0xA0, 0x80, 0x22]) }
        #expect(throws: JSONDocumentError.self) {
            try JSONDocument(Array("{}".utf16).flatMap { [UInt8($0 & 0xFF), 0] })
        }
    }

    @Test("32 levels are taken, 33 are not, however they are made")
    func depth() {
        for (open, close) in [("[", "]"), (#"{"a":"#, "}")] {
            func nested(_ levels: Int) -> String {
                String(repeating: open, count: levels) + "1" + String(repeating: close, count: levels)
            }
            #expect(Self.refusal(nested(32)) == nil)
            #expect(Self.refusal(nested(33)) == .tooDeep)
            // Refused at the 33rd, whatever follows.
            #expect(Self.refusal(String(repeating: open, count: 50_000)) == .tooDeep)
        }
        #expect(Self.refusal("[" + String(repeating: "[[]],", count: 1000) + "[]]") == nil)
    }

    @Test("an object has 1024 members at most")
    func members() {
        func object(_ count: Int) -> String { "{" + (0..<count).map { "\"\($0)\":0" }.joined(separator: ",") + "}" }
        #expect(Self.refusal(object(1024)) == nil)
        #expect(Self.refusal(object(1025)) == .tooManyMembers)
    }

    @Test("values are read as they are")
    func values() throws {
        let text = """
             { "text" : "a\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00z", "n\\u0061me":"x", "whole":-12, "exact":1.0e2,
             "broken" : 1.5, "huge":99999999999999999999, "yes":true,"no":false , "nothing":null, "list":[1,[2,{"a":"]"}],"}"],
             "object":{"a":{}, "b":[]} }
            """
        let members = try #require(try JSONDocument(Array(text.utf8)).root.members)
        #expect(members["text"]?.string == "a\"\\/\u{8}\u{C}\n\r\té😀z")
        #expect(members["name"]?.string == "x")
        #expect(members["whole"]?.integer == -12)
        #expect(members["exact"]?.integer == 100)
        #expect(members["broken"]?.integer == nil && members["broken"]?.number == "1.5")
        #expect(members["huge"]?.integer == nil)
        #expect(members["yes"]?.bool == true && members["no"]?.bool == false && members["nothing"]?.bool == nil)
        #expect(members["nothing"]?.isNull == true && members["no"]?.isNull == false)
        let list = try #require(members["list"]?.elements(upTo: 10))
        #expect(list.map { String(decoding: $0.source, as: UTF8.self) } == ["1", #"[2,{"a":"]"}]"#, #""}""#])
        #expect(members["list"]?.elements(upTo: 2)?.count == 2)
        #expect(members["object"]?.members?.keys.sorted() == ["a", "b"])
        // Nothing is something else.
        #expect(members["text"]?.members == nil && members["text"]?.elements(upTo: 1) == nil)
        #expect(members["object"]?.string == nil && members["list"]?.integer == nil)
    }
}
