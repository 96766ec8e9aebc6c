@testable import api_service
import Domain
import Persistence
import Testing

@Suite("Words of a printed ticket")
struct TicketWordsTests {
    private let evening = PrintedTicket.Moment(weekday: 6, day: 5, month: 12, year: 2026, time: "19:00")
    private let later = PrintedTicket.Moment(weekday: 6, day: 5, month: 12, year: 2026, time: "22:00")
    private let night = PrintedTicket.Moment(weekday: 7, day: 6, month: 12, year: 2026, time: "02:00")

    @Test("a day and its hours, in both languages")
    func words() {
        let english = TicketWords(.english)
        #expect(english.day(of: evening) == "Saturday, 5 December 2026")
        #expect(english.hours(from: evening, to: later) == "19:00 – 22:00")
        #expect(english.hours(from: evening, to: night) == "19:00 – Sunday, 6 December 2026, 02:00")
        let german = TicketWords(.german)
        #expect(german.day(of: evening) == "Samstag, 5. Dezember 2026")
        #expect(german.hours(from: evening, to: night) == "19:00 – Sonntag, 6. Dezember 2026, 02:00")
    }

    @Test("every day and month has a word of its own", arguments: [TicketWords(.english), TicketWords(.german)])
    func complete(words: TicketWords) {
        let days = (1...7).map {
            words.day(of: PrintedTicket.Moment(weekday: $0, day: 1, month: 1, year: 2027, time: "00:00"))
        }
        let months = (1...12).map {
            words.day(of: PrintedTicket.Moment(weekday: 1, day: 1, month: $0, year: 2027, time: "00:00"))
        }
        #expect(Set(days).count == 7 && Set(months).count == 12)
    }

    @Test("another language is another document")
    func fingerprint() {
        func page(_ language: Language) -> TicketPage {
            TicketPage(
                ticket: PrintedTicket(
                    ticketID: TicketID(), code: "7K3M-Q9XT-2VHD", qrText: "EM1:X", isValid: true, holderName: "Tess",
                    title: "Concert", venue: "", organizerName: "Olga", language: language, starts: evening,
                    ends: later, zone: "UTC"))
        }
        #expect(page(.english).fingerprint == page(.english).fingerprint)
        #expect(page(.english).fingerprint != page(.german).fingerprint)
    }
}
