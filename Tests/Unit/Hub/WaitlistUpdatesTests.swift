import Domain
import Persistence
import Testing

@testable import ws_hub

@Suite("What waiting people are told")
struct WaitlistUpdatesTests {
    private let user = UserID()
    private let event = EventID()
    private let registration = RegistrationID()
    private let book = Book()

    /// `#expect` takes no mutating call.
    private final class Book {
        var news = WaitlistUpdates()
    }

    private func row(_ status: RegistrationStatus = .waitlisted, revision: Int = 1) -> LiveRegistration {
        LiveRegistration(id: registration, userID: user, eventID: event, status: status, revision: revision)
    }

    private func place(_ status: RegistrationStatus, _ position: Int? = nil) -> WaitlistUpdates.Place {
        WaitlistUpdates.Place(eventID: event, status: status, position: position)
    }

    private func hear(_ place: WaitlistUpdates.Place) -> Bool { book.news.hear(registration, of: user, place) }

    /// One comparison; returns the positions told, nil for a registration that is not in line.
    private func compare(_ rows: [LiveRegistration], _ position: Int?) -> [Int?] {
        let reading = book.news.begin()
        let lines = book.news.linesToCount(rows)
        let positions = lines.isEmpty ? [:] : [registration: position].compactMapValues { $0 }
        return book.news.read(rows, positions, lines: lines, reading: reading).map { update in
            if case .registration(_, _, _, _, let position) = update { position } else { nil }
        }
    }

    @Test("a line is counted when its places changed or somebody's place is unknown, else not")
    func counting() {
        #expect(book.news.linesToCount([row()]) == [event])
        #expect(compare([row()], 4) == [4])
        #expect(book.news.linesToCount([row()]).isEmpty)
        #expect(compare([row()], nil).isEmpty)
        #expect(book.news.linesToCount([row(revision: 2)]) == [event])
        #expect(compare([row(revision: 2)], 4).isEmpty)
        #expect(compare([row(revision: 3)], 3) == [3])
        book.news.forget(user)
        #expect(compare([row(revision: 3)], 3) == [3])
    }

    @Test("what Redis brought is not told again, and what comes late is not told at all")
    func hearing() {
        #expect(hear(place(.waitlisted, 5)))
        #expect(!hear(place(.waitlisted, 5)))
        #expect(compare([row()], 5).isEmpty)
        #expect(compare([row(revision: 2)], 4) == [4])
        #expect(!hear(place(.waitlisted, 5)))
        #expect(hear(place(.confirmed)))
        #expect(!hear(place(.waitlisted, 3)))
        #expect(hear(place(.cancelled)))
        #expect(!hear(place(.confirmed)))
    }

    @Test("what Redis brings while the database is read is newer than the reading")
    func race() {
        #expect(compare([row()], 1) == [1])
        let reading = book.news.begin()
        #expect(hear(place(.confirmed)))
        #expect(book.news.read([row(revision: 2)], [registration: 1], lines: [event], reading: reading).isEmpty)
        #expect(compare([row(.confirmed, revision: 2)], nil).isEmpty)
    }

    @Test("who left the line between the two queries is told with the next comparison")
    func between() {
        #expect(compare([row()], nil).isEmpty)
        #expect(compare([row(.confirmed, revision: 2)], nil) == [nil])
    }
}
