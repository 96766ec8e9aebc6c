import Domain
import FoundationEssentials
import Persistence
import Postgres
import TestSupport
import Testing

@Suite("Stores")
struct StoreTests {
    @Test("the running role can't change a table or touch the audit log's past")
    func leastRights() async throws {
        try await TestWorld.run { world in
            try await world.database.transaction { transaction in
                try await AuditStore().record("test", by: nil, subject: nil, on: transaction)
            }
            for forbidden: SQL in [
                "ALTER TABLE users ADD COLUMN x integer", "DROP TABLE users", "UPDATE audit SET action = 'other'",
                "DELETE FROM audit", "TRUNCATE users",
            ] {
                let error = await #expect(throws: PostgresError.self) {
                    try await world.database.transaction { try await $0.query(forbidden) }
                }
                #expect(error?.sqlState == "42501", "\(forbidden.text)")
            }
        }
    }

    @Test("what is to be published or shown is found without walking past all that ever was, also with a backlog")
    func backlogIsFound() async throws {
        try await TestWorld.run { world in
            try await world.owner.execute([
                """
                INSERT INTO outbox (message_id, partition, destination, type, data, published_at, live_at)
                SELECT gen_random_uuid(), number % 16, 'work', 'mail.send', '{}',
                    CASE WHEN number <= 20000 THEN now() END, CASE WHEN number <= 20000 THEN now() END
                FROM generate_series(1, 25000) number
                """
            ])
            try await world.owner.session { try await $0.runScript(Array("VACUUM ANALYZE outbox".utf8)) }
            try await world.database.session { session in
                let all = Array(0..<OutboxStore.partitionCount)
                let before = try await rowsFetched(session)
                let waiting = try await OutboxStore().claim(partitions: all, limit: 50, on: session)
                #expect(waiting.map(\.rowID) == Array(20_001...20_050))
                let unseen = try await OutboxStore().liveRows(partitions: all, limit: 50, on: session)
                #expect(unseen.map(\.rowID) == Array(20_001...20_050))
                #expect(try await rowsFetched(session) - before < 5000)
            }
        }
    }

    /// Rows of the outbox that statements have read so far, by whatever way.
    private func rowsFetched(_ session: Session) async throws -> Int {
        try await session.query("SELECT pg_stat_force_next_flush()")
        let rows = try await session.query(
            """
            SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) AS fetched
            FROM pg_stat_user_tables WHERE relname = 'outbox'
            """)
        return try #require(rows.first).decode("fetched")
    }

    @Test("an address is taken once")
    func emailTaken() async throws {
        try await TestWorld.run { world in
            let ada = try await world.person("Ada")
            await #expect(throws: DomainError.emailTaken) {
                try await world.database.transaction { transaction in
                    try await world.users.insert(
                        id: UserID(), email: ada.email, displayName: "Other", passwordHash: "-", role: .user,
                        on: transaction)
                }
            }
        }
    }

    @Test("the last administrator keeps the role, also when two step down at once")
    func lastAdmin() async throws {
        try await TestWorld.run { world in
            let admins = [try await world.person("A", role: .admin), try await world.person("B", role: .admin)]
            let failures = await withTaskGroup(of: (any Error)?.self) { group in
                for admin in admins {
                    group.addTask {
                        do {
                            _ = try await world.database.transaction { transaction in
                                try await world.users.setRole(.user, of: admin.id, on: transaction)
                            }
                            return nil
                        } catch { return error }
                    }
                }
                return await group.reduce(into: [any Error]()) { if let error = $1 { $0.append(error) } }
            }
            #expect(failures.count == 1)
            #expect(failures.first as? DomainError == .lastAdmin)
        }
    }

    @Test("pages follow one another without gap or repetition")
    func keysetPages() async throws {
        try await TestWorld.run { world in
            let owner = try await world.person(role: .organizer)
            var made: Set<EventID> = []
            for _ in 0..<7 { made.insert(try await world.event(of: owner, capacity: 1)) }
            var seen: [EventID] = []
            var after: PageKey?
            repeat {
                let page = try await world.events.listPublished(
                    query: nil, from: nil, to: nil, now: Date(), after: after, limit: 3)
                seen += page.items.map(\.id)
                after = page.next
            } while after != nil
            #expect(seen.count == 7)
            #expect(Set(seen) == made)
        }
    }

    @Test("what somebody searches for is taken literally")
    func literalSearch() async throws {
        try await TestWorld.run { world in
            _ = try await world.event(of: try await world.person(role: .organizer), capacity: 1)
            for (query, count) in [("conc", 1), ("%", 0), ("_", 0), ("\\", 0), ("'; DROP TABLE users; --", 0)] {
                let page = try await world.events.listPublished(
                    query: query, from: nil, to: nil, now: Date(), after: nil, limit: 10)
                #expect(page.items.count == count, "\(query)")
            }
        }
    }

    @Test("a reused refresh token revokes the family; the parent of one that nobody has used is forgiven")
    func refreshRotation() async throws {
        try await TestWorld.run { world in
            let ada = try await world.person("Ada")
            let sessions = SessionStore(world.database)
            let now = Date()
            let first = SecretToken()
            func rotate(_ token: SecretToken, after seconds: TimeInterval) async throws -> SessionStore.Rotation {
                try await world.database.transaction { transaction in
                    try await sessions.rotate(token, expiresAt: now + 3600, now: now + seconds, on: transaction)
                }
            }
            let session = SessionID()
            try await world.database.transaction { transaction in
                try await sessions.create(
                    session, user: ada.id, device: "Browser", tokenHash: first.hash, expiresAt: now + 3600,
                    on: transaction)
            }
            let second = try #require(try await rotate(first, after: 1).token)
            #expect(try await rotate(first, after: 10).token?.text == second.text, "the same, as long as it is unused")
            #expect(
                try await sessions.list(of: ada.id, now: now, after: nil, limit: 5).items.map(\.device) == ["Browser"])
            let third = try #require(try await rotate(second, after: 2).token)
            #expect(Set([first.text, second.text, third.text]).count == 3)
            #expect(try await rotate(second, after: 5).token?.text == third.text)
            // A grandparent.
            guard case .reused(session) = try await rotate(first, after: 6) else {
                Issue.record("reuse accepted")
                return
            }
            guard case .ended = try await rotate(third, after: 7) else {
                Issue.record("family alive")
                return
            }
            #expect(try await sessions.endedLately(within: 60, limit: 9) == [session])
            #expect(try await sessions.list(of: ada.id, now: now, after: nil, limit: 5).items.isEmpty)
        }
    }

    @Test("the parent of the newest refresh token counts until that is used, however late; then it is theft")
    func lateRepetition() async throws {
        try await TestWorld.run { world in
            let ada = try await world.person()
            let sessions = SessionStore(world.database)
            let (first, session, now) = (SecretToken(), SessionID(), Date())
            try await world.database.transaction { transaction in
                try await sessions.create(
                    session, user: ada.id, tokenHash: first.hash, expiresAt: now + 3600, on: transaction)
                _ = try await sessions.rotate(first, expiresAt: now + 3600, now: now, on: transaction)
            }
            func rotate(_ token: SecretToken) async throws -> SessionStore.Rotation {
                try await world.database.transaction { transaction in
                    try await sessions.rotate(token, expiresAt: now + 7200, now: now + 3599, on: transaction)
                }
            }
            let second = try #require(try await rotate(first).token)
            _ = try #require(try await rotate(second).token)
            guard case .reused(session) = try await rotate(first) else {
                Issue.record("accepted after its successor was used")
                return
            }
        }
    }
}

extension SessionStore.Rotation {
    fileprivate var token: SecretToken? {
        if case .rotated(_, _, let token) = self { token } else { nil }
    }
}
