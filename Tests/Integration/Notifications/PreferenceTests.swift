import Domain
import FoundationEssentials
import Messaging
import Persistence
import Postgres
import TestSupport
import Testing

@testable import notifications

@Suite struct PreferenceTests {
    @Test("Who wants no announcements by mail finds them in the product only; who wants neither, nowhere")
    func planned() async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 5)
            let people = [
                try await mail.person(at: "ann"), try await mail.person(at: "bob"), try await mail.person(at: "cleo"),
            ]
            for person in people { try await mail.ticket(for: person, event: event) }
            try await mail.choose(.announcements, mail: false, of: people[1])
            try await mail.choose(.announcements, mail: false, inApp: false, of: people[2])
            let id = try await mail.announce(in: event)
            #expect(try await mail.mailingsPlanned().count == 1)
            #expect(try await mail.notifications(of: people[0]).map(\.status) == [.queued])
            #expect(try await mail.notifications(of: people[1]).map(\.status) == [.muted])
            #expect(try await mail.notifications(of: people[2]).isEmpty)
            let store = MailingStore(mail.world.database)
            let found = try #require(try await store.find(id, of: event))
            #expect(found.progress.muted == 2 && found.progress.queued == 1 && found.progress.recipients == 3)
            let reach = try await store.reach(.all, at: event)
            #expect(reach.recipients == 3 && reach.mails == 1)
        }
    }

    @Test(
        "What belongs to the registration is mailed whatever is chosen about announcements, and can't be switched off")
    func transactional() async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 5)
            let ann = try await mail.person(at: "ann")
            for topic in [NotificationTopic.announcements, .reminders] {
                try await mail.choose(topic, mail: false, of: ann)
            }
            try await mail.choose(.registrations, mail: true, inApp: false, of: ann)
            try await mail.ticket(for: ann, event: event)
            let job = try #require(try await mail.planned(because: .ticketIssued).first)
            #expect(try await mail.deliver(job) == .ack)
            #expect(try mail.server.nextMail().headers["List-Unsubscribe"] == nil)
            #expect(try await mail.notifications(of: ann).isEmpty)
            await #expect(throws: PostgresError.self) {
                try await mail.choose(.registrations, mail: false, of: ann)
            }
        }
    }

    @Test(
        "The link in an announcement ends announcements, also those on their way, and brings them back; reminders go on"
    )
    func unsubscribe() async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 5)
            let ann = try await mail.person(at: "ann")
            try await mail.ticket(for: ann, event: event)
            _ = try await mail.announce("First", in: event)
            _ = try await mail.announce("Second", in: event)
            let jobs = try await mail.mailingsPlanned()
            #expect(try await mail.deliver(jobs[0]) == .ack)
            let received = try mail.server.nextMail()
            let header = try #require(received.headers["List-Unsubscribe"])
            #expect(header.hasPrefix("<http://localhost:8080/api/v1/unsubscribe?token=") && header.hasSuffix(">"))
            let token = try #require(SecretToken(String(header.dropLast().suffix(43))))
            for text in try #require(received.root.children?.first?.children).compactMap(\.text) {
                #expect(text.contains("http://localhost:8080/unsubscribe#token=\(token.text)"))
            }

            let store = PreferenceStore(mail.world.database)
            func follow(_ wanted: Bool) async throws -> NotificationTopic {
                try await mail.world.database.transaction { transaction in
                    try await store.follow(token.hash, mail: wanted, on: transaction).topic
                }
            }
            #expect(try await follow(false) == .announcements)
            #expect(try await follow(false) == .announcements)
            #expect(try await mail.deliver(jobs[1]) == .ack)
            #expect(throws: MailServer.Failure.self) { try mail.server.nextMail(within: .milliseconds(200)) }
            #expect(
                try await mail.notifications(of: ann).filter { $0.kind == .announcement }.map(\.status) == [
                    .muted, .sent,
                ])
            let topics = try #require(try await store.find(ann.id)).topics
            #expect(
                topics.map(\.topic) == NotificationTopic.allCases && topics.map(\.mail) == [true, true, false, true])
            _ = try await follow(true)
            #expect(try #require(try await store.find(ann.id)).topics.allSatisfy(\.mail))
            await #expect(throws: DomainError.linkInvalid) {
                try await mail.world.database.transaction { transaction in
                    _ = try await store.follow(SecretToken().hash, mail: false, on: transaction)
                }
            }
        }
    }

    @Test(
        "What came is unread until it is read, one by one or all up to a time, and other windows hear how many are left"
    )
    func reading() async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 5)
            let (ann, bob) = (try await mail.person(at: "ann"), try await mail.person(at: "bob"))
            try await mail.ticket(for: ann, event: event)
            _ = try await mail.planned(because: .ticketIssued)
            for title in ["First", "Second"] { _ = try await mail.announce(title, in: event) }
            _ = try await mail.mailingsPlanned()
            let store = NotificationStore(mail.world.database)
            #expect(try await store.unreadCount(of: ann.id) == 3)
            let shown = try await store.list(of: ann.id, unread: true, after: nil, limit: 10).items
            #expect(Set(shown.compactMap { $0.announcement?.title }) == ["First", "Second"])
            func read(_ id: NotificationID, _ user: User) async throws -> Int {
                try await mail.world.database.transaction { transaction in
                    try await store.markRead(id, of: user.id, now: Date(), on: transaction)
                }
            }
            for _ in 0..<2 { #expect(try await read(shown[0].notification.id, ann) == 2) }
            await #expect(throws: DomainError.notFound) { _ = try await read(shown[1].notification.id, bob) }
            let left = try await mail.world.database.transaction { transaction in
                try await store.markAllRead(of: ann.id, upTo: Date(), now: Date(), on: transaction)
            }
            #expect(left == 0)
            #expect(try await store.list(of: ann.id, unread: true, after: nil, limit: 10).items.isEmpty)
            #expect(try await store.list(of: ann.id, unread: false, after: nil, limit: 10).items.count == 3)
            let news = try await mail.outbox(LiveType.unreadChanged.rawValue).map { try $0.payload(UnreadData.self) }
            #expect(news.map(\.unread) == [2, 2, 0] && news.allSatisfy { $0.userId == ann.id })
        }
    }
}

extension MailWorld {
    fileprivate func choose(
        _ topic: NotificationTopic, mail: Bool, inApp: Bool = true, of user: User
    ) async throws {
        _ = try await world.database.transaction { transaction in
            try await PreferenceStore(world.database).update(
                user.id, language: nil, topics: [(topic, mail, inApp)], on: transaction)
        }
    }
}
