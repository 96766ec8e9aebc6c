import Domain
import FoundationEssentials
import Messaging
import Persistence
import Postgres
import TestSupport
import Testing

@testable import notifications

@Suite struct AccountMailJobTests {
    @Test("A mail asked for holds a link that works, and neither the database nor a message ever held its token")
    func link() async throws {
        try await MailWorld.run { mail in
            let user = try await mail.person(at: "ann")
            let job = try #require(try await mail.asked(.accountResetPassword, user.id).first)
            #expect(try await mail.world.database.read("SELECT 1 FROM account_links").isEmpty)
            #expect(try await mail.deliver(job) == .ack)
            let received = try mail.server.nextMail()
            #expect(
                received.recipients == ["ann@example.org"] && received.root.shape == "mixed(alternative(plain,html))")
            #expect(received.headers["Subject"] == "Choose a new password for EM-Connect")
            let token = try #require(Self.token(received, "/reset-password"))
            #expect(received.root.children?[0].children?[1].text?.contains(token.text) == true)

            let everything = try await mail.world.owner.read(
                "SELECT schema_to_xml('public', true, false, '')::text LIKE '%' || \(token.text) || '%' AS found")
            #expect(try everything.first?.decode("found", as: Bool.self) == false)
            #expect(try await mail.use(token, .resetPassword) == user.id)
            #expect(try await mail.statuses(user.id) == ["account.resetPassword sent"])
            // Neither their list nor the live updates speak of it.
            #expect(try await mail.notifications(of: user).isEmpty)
            #expect(try await mail.outbox(LiveType.notificationChanged.rawValue).isEmpty)
        }
    }

    @Test("A second attempt makes a token of its own, and both mails' links would work")
    func retry() async throws {
        try await MailWorld.run { mail in
            let user = try await mail.person(at: "flaky")
            let job = try #require(try await mail.asked(.accountVerifyEmail, user.id).first)
            #expect(try await mail.deliver(job) == .ack)
            #expect(try await mail.deliver(try #require(try await mail.askedAgain().first)) == .ack)
            let token = try #require(Self.token(try mail.server.nextMail(), "/verify-email"))
            let rows = try await mail.world.database.read("SELECT token_hash, used_at FROM account_links")
            #expect(rows.count == 2)
            #expect(try rows.filter { try $0.decode("token_hash", as: [UInt8].self) == token.hash }.count == 1)
            #expect(try await mail.use(token, .verifyEmail) == user.id)
        }
    }

    @Test(
        "A request about nobody, or to confirm what is confirmed, plans nothing; one that came too late sends nothing")
    func nothing() async throws {
        try await MailWorld.run { mail in
            #expect(try await mail.asked(.accountResetPassword, UserID()).isEmpty)
            let user = try await mail.person(at: "ann")
            let job = try #require(try await mail.asked(.accountVerifyEmail, user.id).first)
            try await mail.world.database.transaction { transaction in
                try await mail.world.users.markEmailVerified(user.id, at: Date(), on: transaction)
            }
            #expect(try await mail.asked(.accountVerifyEmail, user.id).count == 1)
            #expect(try await mail.deliver(job) == .ack)
            #expect(try await mail.statuses(user.id) == ["account.verifyEmail failed"])
            #expect(throws: MailServer.Failure.self) { try mail.server.nextMail(within: .milliseconds(300)) }
        }
    }

    @Test("Nobody's inbox is flooded: some mails of a kind an hour, but every change of the password is told")
    func flood() async throws {
        try await MailWorld.run { mail in
            let user = try await mail.person(at: "ann")
            let limit = NotificationStore.accountMailsAnHour
            for _ in 0..<limit + 3 {
                _ = try await mail.asked(.accountResetPassword, user.id)
                _ = try await mail.asked(.accountPasswordChanged, user.id)
            }
            let planned = try await mail.statuses(user.id)
            #expect(planned.filter { $0 == "account.resetPassword queued" }.count == limit)
            #expect(planned.filter { $0 == "account.passwordChanged queued" }.count == limit + 3)
            let later = try await mail.asked(.accountResetPassword, user.id, at: Date() + 3601)
            #expect(later.count == planned.count + 1)
        }
    }

    @Test(
        "Another address: its mail goes there and names nobody, the old address is told, and a newer request ends an older"
    )
    func changedAddress() async throws {
        try await MailWorld.run { mail in
            let user = try await mail.person(at: "ann")
            let changes = EmailChangeStore()
            func request(_ email: String) async throws {
                try await mail.world.database.transaction { transaction in
                    try await changes.request(email, of: user.id, now: Date(), on: transaction)
                }
            }
            try await request("new@example.org")
            for job in try await mail.asked(.accountConfirmEmail, user.id) {
                #expect(try await mail.deliver(job) == .ack)
            }
            let confirmation = try mail.server.nextMail()
            #expect(confirmation.recipients == ["new@example.org"])
            #expect(confirmation.root.children?[0].children?[0].text?.contains(user.displayName) == false)
            let first = try #require(Self.token(confirmation, "/change-email"))
            let told = try #require(try await mail.asked(.accountEmailChanging, user.id).last)
            #expect(try await mail.deliver(told) == .ack)
            #expect(try mail.server.nextMail().recipients == ["ann@example.org"])

            try await request("newer@example.org")
            await #expect(throws: DomainError.linkInvalid) { try await mail.use(first, .changeEmail) }
        }
    }

    @Test("Who had their account deleted is written to no more, not even what was planned before")
    func deleted() async throws {
        try await MailWorld.run { mail in
            let user = try await mail.person(at: "ann")
            let job = try #require(try await mail.asked(.accountResetPassword, user.id).first)
            _ = try await mail.world.database.transaction { transaction in
                try await AccountErasure(mail.world.database).erase(user.id, now: Date(), on: transaction)
            }
            #expect(try await mail.deliver(job) == .ack)
            #expect(try await mail.asked(.accountPasswordChanged, user.id).count == 1)
            #expect(throws: MailServer.Failure.self) { try mail.server.nextMail(within: .milliseconds(300)) }
        }
    }

    @Test("A request delivered twice is one mail")
    func redelivered() async throws {
        try await MailWorld.run { mail in
            let user = try await mail.person(at: "ann")
            let request = try Self.request(.accountAlreadyRegistered, user.id)
            try await mail.plan.handle(request)
            try await mail.plan.handle(request)
            #expect(try await mail.outbox(WorkType.mailSend.rawValue).count == 1)
        }
    }

    /// The token in a mail's text.
    private static func token(_ mail: ReceivedMail, _ page: String) -> SecretToken? {
        let start = "http://localhost:8080\(page)#token="
        let line = mail.root.children?[0].children?[0].text?.split(whereSeparator: \.isNewline).first {
            $0.hasPrefix(start)
        }
        return line.flatMap { SecretToken(String($0.dropFirst(start.count))) }
    }

    fileprivate static func request(_ kind: NotificationKind, _ user: UserID) throws -> CloudEvent {
        CloudEvent(
            id: MessageID(), type: WorkType.accountMail.rawValue, subject: nil, time: Date(), sequence: nil,
            traceparent: nil, data: try WireJSON.encode(AccountMailData(userId: user, kind: kind)))
    }
}

extension MailWorld {
    /// Plans because of a request, as the worker would, and answers the jobs there are now.
    fileprivate func asked(_ kind: NotificationKind, _ user: UserID, at now: Date = Date()) async throws -> [CloudEvent]
    {
        var plan = plan
        plan.clock = { now }
        try await plan.handle(try AccountMailJobTests.request(kind, user))
        return try await outbox(WorkType.mailSend.rawValue)
    }

    fileprivate func statuses(_ user: UserID) async throws -> [String] {
        try await world.database.read("SELECT kind, status FROM notifications WHERE user_id = \(user)").map {
            "\(try $0.decode("kind", as: String.self)) \(try $0.decode("status", as: String.self))"
        }
    }

    fileprivate func use(_ token: SecretToken, _ purpose: AccountLinkPurpose) async throws -> UserID {
        try await world.database.transaction { transaction in
            try await AccountLinkStore(world.database).use(token.hash, for: purpose, now: Date(), on: transaction)
        }
    }
}
