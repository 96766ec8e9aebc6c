import Testing

@testable import Bootstrap

@Suite("Pages of code")
struct CodePagesTests {
    @Test("given back, they are out of memory, and what is touched again is the same as before")
    func givenBack() {
        let text = "a constant from the program's file"
        let before = ProcessReadings.residentBytes()
        CodePages.giveBack()
        let after = ProcessReadings.residentBytes()
        #expect(after < before - 4e6, "\(before) bytes before, \(after) after")
        #expect(text.split(separator: " ").count == 6)
    }
}
