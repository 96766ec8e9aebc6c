import Testing

@testable import api_service

@Suite("If-Match")
struct ExpectedVersionsTests {
    @Test(
        "takes one tag, a list and weak tags, and nothing else",
        arguments: [
            (#""7""#, true), (#""7.Nf3kGq0vXc2bTz1A""#, true), (#"W/"7""#, true), ("*", false), (" * ", false),
            (#""6", "7""#, true), (#""6","7""#, true), (#""6.a,b" , W/"7.c,d""#, true), (#", "7", "#, true),
            (#""6", "8""#, false), ("7", false), (#""7"#, false), (#""6", *"#, false), ("", false), (#""x""#, false),
            (#""6" 7"#, false), (#"w/"7""#, false),
        ])
    func versions(header: String, includesSeven: Bool) {
        #expect(ExpectedVersions(header).include(7) == includesSeven)
    }
}
