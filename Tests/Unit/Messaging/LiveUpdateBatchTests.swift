import Domain
import FoundationEssentials
import Testing

@testable import Messaging
@testable import Persistence

@Suite("Live news")
struct LiveUpdateBatchTests {
    private let event = EventID()
    private let user = UserID()

    private func row(_ number: Int, _ type: String, _ data: some Encodable) throws -> OutboxRow {
        OutboxRow(
            rowID: number, messageID: MessageID(), destination: .events, type: type, eventID: event, ownerID: nil,
            data: try WireJSON.encode(data), traceparent: nil, occurredAt: Date(), sequence: nil, isRepeated: false,
            announcement: nil)
    }

    private func registration(_ number: Int, revision: Int, _ status: RegistrationStatus, _ id: RegistrationID) throws
        -> OutboxRow
    {
        try row(
            number, "em.registration.\(status.rawValue)",
            RegistrationData(
                eventId: event, registrationId: id, userId: user, status: status,
                places: Places(revision: revision, confirmed: revision, waitlisted: 0, capacity: 100)))
    }

    @Test("counts of one event become one, the newest by revision, whatever the order of the rows")
    func counts() throws {
        let rows = try [3, 9, 5].enumerated().map { index, revision in
            try registration(index, revision: revision, .confirmed, RegistrationID())
        }
        let news = LiveUpdateBatch(rows).byChannel["em:live:event:\(event)"]
        #expect(news == [.counts(event, Places(revision: 9, confirmed: 9, waitlisted: 0, capacity: 100))])
    }

    @Test("a person hears of each registration once, as it stands last")
    func registrations() throws {
        let id = RegistrationID()
        let rows = [
            try registration(1, revision: 1, .confirmed, id),
            try registration(2, revision: 2, .confirmed, RegistrationID()),
            try registration(3, revision: 3, .cancelled, id),
        ]
        let news = try #require(LiveUpdateBatch(rows).byChannel["em:live:me:\(user)"])
        #expect(news.count == 2)
        #expect(news[0] == .registration(user, id: id, eventID: event, status: .cancelled, position: nil))
    }

    @Test("an announcement comes with its text; a deleted one doesn't come")
    func announcements() throws {
        let data = AnnouncementData(eventId: event, announcementId: AnnouncementID())
        var told = try row(1, "em.announcement.posted", data)
        told.announcement = ("Doors", "open at 7", Date(timeIntervalSince1970: 0))
        let news = LiveUpdateBatch([told, try row(2, "em.announcement.posted", data)]).byChannel[
            "em:live:event:\(event)"]
        #expect(
            news == [
                .announcement(
                    event, id: data.announcementId, title: "Doors", body: "open at 7",
                    at: Date(timeIntervalSince1970: 0))
            ])
    }

    @Test("dashboards hear once that mails did not go, whatever else went, and nothing of mails that only wait")
    func deliveries() throws {
        func mail(_ number: Int, _ status: NotificationStatus, of event: EventID?) throws -> OutboxRow {
            try row(
                number, "live.notification",
                NotificationData(
                    notificationId: NotificationID(), eventId: event, userId: user, kind: .registrationConfirmed,
                    status: status))
        }
        let (other, calm) = (EventID(), EventID())
        let news = LiveUpdateBatch([
            try mail(1, .sent, of: event), try mail(2, .retrying, of: event), try mail(3, .sent, of: event),
            try mail(4, .sent, of: other), try mail(5, .queued, of: calm), try mail(6, .failed, of: nil),
        ]).byChannel
        #expect(news["em:live:organizer:\(event)"] == [.delivery(event, .retrying)])
        #expect(news["em:live:organizer:\(other)"] == [.delivery(other, .sent)])
        #expect(news["em:live:organizer:\(calm)"] == nil)
        #expect(news["em:live:me:\(user)"]?.count == 6)
    }

    @Test("what can't be read is named and harms no neighbour; unknown types are passed over")
    func unreadable() throws {
        let rows = [
            try row(1, "em.registration.confirmed", ["nonsense": 1]), try row(2, "em.future.thing", ["a": 1]),
            try registration(3, revision: 1, .confirmed, RegistrationID()),
        ]
        let news = LiveUpdateBatch(rows)
        #expect(news.unreadable.map(\.rowID) == [1])
        #expect(news.byChannel.count == 2)
    }

    @Test("new places without a registration are counts too")
    func places() throws {
        let places = Places(revision: 4, confirmed: 1, waitlisted: 0, capacity: 7)
        let news = LiveUpdateBatch([try row(1, "live.places", PlacesData(eventId: event, places: places))])
        #expect(news.byChannel == ["em:live:event:\(event)": [.counts(event, places)]])
    }
}
