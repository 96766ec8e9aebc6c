import Domain
import FoundationEssentials
import Testing

@Suite("Calendar entries")
struct CalendarTests {
    private func entry(title: String = "Concert") -> CalendarEntry {
        CalendarEntry(
            uid: "1@example.com", title: title, location: "Hall, 1st floor; left",
            startsAt: Date(timeIntervalSince1970: 1_777_658_400.9), endsAt: Date(timeIntervalSince1970: 1_777_662_000),
            stampedAt: Date(timeIntervalSince1970: 1_777_000_000))
    }

    @Test("an entry is written as RFC 5545 asks")
    func lines() {
        let text = entry().text()
        #expect(text.hasPrefix("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"))
        #expect(text.hasSuffix("END:VEVENT\r\nEND:VCALENDAR\r\n"))
        #expect(text.contains("\r\nDTSTART:20260501T180000Z\r\n"))
        #expect(text.contains("\r\nLOCATION:Hall\\, 1st floor\\; left\r\n"))
        #expect(!text.replacing("\r\n", with: "").contains("\n"))
    }

    @Test("a title can't smuggle lines in, and long lines fold within 75 octets, never within a character")
    func folding() {
        let text = entry(title: String(repeating: "Größe🎻", count: 30) + "\r\nATTENDEE:mailto:x@y\nz").text()
        for line in text.split(separator: "\r\n") { #expect(line.utf8.count <= 75) }
        #expect(!text.contains("\r\nATTENDEE"))
        let unfolded = text.replacing("\r\n ", with: "")
        #expect(unfolded.contains(String(repeating: "Größe🎻", count: 30) + "\\nATTENDEE:mailto:x@y\\nz\r\n"))
    }
}
