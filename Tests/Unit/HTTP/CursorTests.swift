@testable import api_service
import FoundationEssentials
import Persistence
import Testing

@Suite("Cursors")
struct CursorTests {
    @Test("a cursor leads back to its row, to the microsecond")
    func roundTrip() throws {
        let key = PageKey(at: Date(timeIntervalSinceReferenceDate: 817_000_000.123_457), id: UUID())
        let back = try Cursor.decode(Cursor.encode(key, .users), .users)
        #expect(back.id == key.id)
        #expect(abs(back.at.timeIntervalSince(key.at)) < 0.000_000_5)
        #expect(Cursor.encode(back, .users) == Cursor.encode(key, .users))
    }

    @Test("one list's cursor is no good for another, and nothing made up is good at all")
    func refused() {
        let good = Cursor.encode(PageKey(at: Date(), id: UUID()), .users)
        let farAway = Cursor.encode(PageKey(at: Date(timeIntervalSince1970: 1e11), id: UUID()), .attendees)
        for bad in [good, farAway, "", "abc", good + "A", String(repeating: "_", count: 34), "é" + good.dropFirst(2)] {
            #expect(throws: APIProblem.self) { try Cursor.decode(bad, .attendees) }
        }
    }
}
