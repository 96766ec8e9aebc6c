import Domain
import FoundationEssentials
import Persistence
import Postgres
import TestSupport
import Testing

@Suite("Account links and what they change")
struct AccountLinkStoreTests {
    private func use(
        _ token: SecretToken, _ purpose: AccountLinkPurpose = .resetPassword, at now: Date = Date(), in world: TestWorld
    ) async throws -> UserID {
        try await world.database.transaction { transaction in
            try await AccountLinkStore(world.database).use(token.hash, for: purpose, now: now, on: transaction)
        }
    }

    private func make(
        _ user: User, _ purpose: AccountLinkPurpose = .resetPassword, at now: Date = Date(), in world: TestWorld
    ) async throws -> SecretToken {
        let token = SecretToken()
        try await AccountLinkStore(world.database).create(token.hash, of: user.id, for: purpose, now: now)
        return token
    }

    @Test("a link is good once, for its purpose, for an hour")
    func once() async throws {
        try await TestWorld.run { world in
            let (ada, now) = (try await world.person("Ada"), Date())
            let token = try await make(ada, at: now, in: world)
            await #expect(throws: DomainError.linkInvalid) { try await use(token, .verifyEmail, at: now, in: world) }
            await #expect(throws: DomainError.linkInvalid) { try await use(SecretToken(), at: now, in: world) }
            await #expect(throws: DomainError.linkInvalid) { try await use(token, at: now + 3600, in: world) }
            #expect(try await use(token, at: now + 3599, in: world) == ada.id)
            await #expect(throws: DomainError.linkInvalid) { try await use(token, at: now, in: world) }
        }
    }

    @Test("using a link uses up all that the person has for the same purpose, and nobody else's")
    func siblings() async throws {
        try await TestWorld.run { world in
            let (ada, bob) = (try await world.person("Ada"), try await world.person("Bob"))
            let first = try await make(ada, in: world)
            let second = try await make(ada, in: world)
            let other = try await make(ada, .verifyEmail, in: world)
            let foreign = try await make(bob, in: world)
            #expect(try await use(second, in: world) == ada.id)
            await #expect(throws: DomainError.linkInvalid) { try await use(first, in: world) }
            #expect(try await use(other, .verifyEmail, in: world) == ada.id)
            #expect(try await use(foreign, in: world) == bob.id)
        }
    }

    @Test("of many who use one person's links at once, one succeeds")
    func race() async throws {
        try await TestWorld.run { world in
            let ada = try await world.person("Ada")
            let tokens = [try await make(ada, in: world), try await make(ada, in: world)]
            let successes = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<12 {
                    group.addTask {
                        do { return try await use(tokens[number % 2], in: world) == ada.id } catch { return false }
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(successes == 1)
        }
    }

    @Test("the database knows the token's hash only, lets no link live longer, and forgets what is past")
    func stored() async throws {
        try await TestWorld.run { world in
            let (ada, now) = (try await world.person("Ada"), Date())
            let token = try await make(ada, at: now - 7200, in: world)
            let found = try await world.owner.read(
                "SELECT schema_to_xml('public', true, false, '')::text LIKE '%' || \(token.text) || '%' AS found")
            #expect(try found.first?.decode("found", as: Bool.self) == false)
            let error = await #expect(throws: PostgresError.self) {
                try await world.database.execute(
                    "UPDATE account_links SET expires_at = expires_at + interval '1 second'")
            }
            #expect(error?.sqlState == "23514")
            _ = try await make(ada, at: now, in: world)
            #expect(try await world.database.read("SELECT 1 FROM account_links").count == 1)
        }
    }

    @Test("signing up with a taken address changes nothing and tells whose it is, also when two do it at once")
    func insertUnlessTaken() async throws {
        try await TestWorld.run { world in
            let made = try await withThrowingTaskGroup(of: (UserID, Bool).self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await world.database.transaction { transaction in
                            let made = try await world.users.insertUnlessTaken(
                                id: UserID(), email: "ada@example.com", displayName: "Ada", passwordHash: "-",
                                language: .english,
                                on: transaction)
                            return (made.id, made.isNew)
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(made.filter(\.1).count == 1)
            #expect(Set(made.map(\.0)).count == 1)
        }
    }

    @Test("a sign-in under way while the password is reset doesn't survive it; not held back, it would")
    func signInBesideReset() async throws {
        try await TestWorld.run { world in
            let (held, free) = (
                try await survivesReset(isHeld: true, world), try await survivesReset(isHeld: false, world)
            )
            #expect(!held)
            #expect(free)
        }
    }

    /// Opens a session with the old password, resets the password before that is committed, and looks at the session.
    /// - Parameter isHeld: whether the sign-in holds the hash that it has checked.
    private func survivesReset(isHeld: Bool, _ world: TestWorld) async throws -> Bool {
        let user = try await world.person()
        let (sessions, session) = (SessionStore(world.database), SessionID())
        let (opened, announce) = AsyncStream.makeStream(of: Void.self)
        let (resetUnderWay, goOn) = AsyncStream.makeStream(of: Void.self)
        async let signIn: Void = world.database.transaction { transaction in
            if isHeld { #expect(try await world.users.holdPasswordHash("-", of: user.id, on: transaction)) }
            try await sessions.create(
                session, user: user.id, tokenHash: SecretToken().hash, expiresAt: Date() + 60, on: transaction)
            announce.yield()
            for await _ in resetUnderWay { break }
        }
        for await _ in opened { break }
        async let reset: Void = world.database.transaction { transaction in
            try await world.users.setPasswordHash("new", of: user.id, on: transaction)
            try await sessions.revokeAll(of: user.id, on: transaction)
        }
        if isHeld { try await untilSomebodyWaits(world) } else { try await reset }
        goOn.yield()
        try await signIn
        try await reset
        return try await world.database.read("SELECT 1 FROM sessions WHERE id = \(session) AND revoked_at IS NULL")
            .count == 1
    }

    private func untilSomebodyWaits(_ world: TestWorld) async throws {
        let deadline = ContinuousClock.now + .seconds(10)
        while try await world.owner.read(
            "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')"
        ).isEmpty {
            guard ContinuousClock.now < deadline else { throw CancellationError() }
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}
