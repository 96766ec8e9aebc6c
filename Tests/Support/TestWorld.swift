public import Domain
public import FoundationEssentials
public import Logging
public import Persistence
public import Postgres

/// A database of its own for one test: migrated, empty, and gone afterwards.
public struct TestWorld: Sendable {
    /// With the services' role, as in operation.
    public let database: Database
    /// With the owner's role: to look and to break things.
    public let owner: Database
    public let logger: Logger
    /// The address for a service under test.
    public let databaseURL: String
    public let users: UserStore
    public let events: EventStore
    public let registrations: RegistrationStore
    public let tickets: TicketStore

    /// Runs a test in a new world, and removes it also when the test throws.
    public static func run(_ test: (TestWorld) async throws -> Void) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let name = unusedName()
        try await administer("CREATE DATABASE \(name) TEMPLATE \(try await template.value)", logger: logger)
        let world = try TestWorld(database: name, logger: logger)
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await test(world))
        } catch {
            outcome = .failure(error)
        }
        // Also after a throw: the owner may not end the services' connections, and the test's own error would be lost.
        await world.database.close()
        await world.owner.close()
        try await drop(name, logger: logger)
        try outcome.get()
    }

    /// A database that is migrated and empty, which others are copies of: that takes a tenth of the time. It stays on the
    /// server, by the name of what it was made from.
    private static let template = Task {
        let logger = Logger(label: "test")
        let name = "em_template_\(String(digest(of: Migrator.all), radix: 16))"
        let owner = Database(try DatabaseSettings(url: Servers.databaseOwner), logger: logger)
        let isThere = try await !owner.read("SELECT 1 FROM pg_database WHERE datname = \(name)").isEmpty
        await owner.close()
        if isThere { return name }
        // Complete before it has its name.
        let unfinished = unusedName()
        try await administer("CREATE DATABASE \(unfinished)", logger: logger)
        let fresh = Database(
            try DatabaseSettings(url: url(Servers.databaseOwner, database: unfinished)), logger: logger)
        try await Migrator(database: fresh, logger: logger).run()
        await fresh.close()
        do {
            try await administer("ALTER DATABASE \(unfinished) RENAME TO \(name)", logger: logger)
        } catch let error as PostgresError where error.sqlState == "42P04" {
            // Another process of these tests was faster.
            try await drop(unfinished, logger: logger)
        }
        return name
    }

    private static func unusedName() -> String {
        "em_test_" + UUID().uuidString.lowercased().replacing("-", with: "")
    }

    /// FNV-1a: the same in every process, unlike `Hasher`.
    private static func digest(of migrations: [Migrator.Migration]) -> UInt64 {
        migrations.lazy.flatMap { Array($0.name.utf8) + $0.script }
            .reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    private init(database name: String, logger: Logger) throws {
        databaseURL = Self.url(Servers.database, database: name)
        database = Database(try DatabaseSettings(url: databaseURL), logger: logger)
        owner = Database(
            try DatabaseSettings(url: Self.url(Servers.databaseOwner, database: name)), logger: logger)
        self.logger = logger
        users = UserStore(database)
        events = EventStore(database)
        registrations = RegistrationStore(database)
        tickets = TicketStore(database)
    }

    private static func url(_ url: String, database: String) -> String {
        guard let slash = url.lastIndex(of: "/") else { return url }
        return url[...slash] + database
    }

    /// FORCE may not end the autovacuum worker that happens to be in the database (42501): it leaves by itself.
    private static func drop(_ name: String, logger: Logger) async throws {
        for attempt in 1... {
            do {
                return try await administer("DROP DATABASE \(name) WITH (FORCE)", logger: logger)
            } catch let error as PostgresError where error.sqlState == "42501" && attempt < 100 {
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    /// The names are made of hexadecimal digits, so a script may be put together from them.
    private static func administer(_ script: String, logger: Logger) async throws {
        let database = Database(try DatabaseSettings(url: Servers.databaseOwner), logger: logger)
        do {
            try await database.session { try await $0.runScript(Array(script.utf8)) }
        } catch {
            await database.close()
            throw error
        }
        await database.close()
    }
}

extension TestWorld {
    /// Some person, with a proven address.
    public func person(_ name: String = "Ada", role: Role = .user) async throws -> User {
        let id = UserID()
        return try await database.transaction { transaction in
            try await users.insert(
                id: id, email: "\(id)@example.com", displayName: name, passwordHash: "-", role: role,
                emailVerifiedAt: Date(), on: transaction)
        }
    }

    /// A published event of `owner`'s that takes place in a week.
    public func event(
        of owner: User, capacity: Int, waitlist: Bool = false, now: Date = Date()
    ) async throws -> EventID {
        let id = EventID()
        let details = EventDetails(
            title: "Concert", description: "Strings", venue: "Hall", startsAt: now + 604_800, endsAt: now + 612_000,
            timeZone: "Europe/Berlin", capacity: capacity, waitlistEnabled: waitlist)
        try await database.transaction { transaction in
            try await events.insert(id, details, owner: owner.id, on: transaction)
            _ = try await events.publish(id, on: transaction)
        }
        return id
    }

    /// Registers somebody.
    public func register(_ user: User, for event: EventID, now: Date = Date()) async throws -> Registration {
        try await submit(.register(user.id, for: event), now: now)
    }

    /// Ends a registration.
    public func cancel(_ registration: RegistrationID, of event: EventID, now: Date = Date()) async throws
        -> Registration
    {
        try await submit(.cancel(registration, of: event), now: now)
    }

    /// Calls an event off; what is left to be done stays to be done.
    public func callOff(_ event: EventID, now: Date = Date()) async throws {
        _ = try await database.transaction { transaction in
            try await registrations.cancelEvent(event, now: now, on: transaction)
        }
    }

    /// Takes all steps that are pending, to the end; answers how many those were.
    @discardableResult
    public func takeSteps(limit: Int = 500) async throws -> Int {
        let store = PendingStepStore(database)
        var count = 0
        while let work = try await store.list().first {
            _ = try await store.advance(work, limit: limit, now: Date())
            count += 1
        }
        return count
    }

    /// Commits one request in a transaction of its own.
    /// - Throws: the refusal, if it is refused.
    public func submit(
        _ request: RegistrationRequest, at store: RegistrationStore? = nil, now: Date = Date()
    ) async throws -> Registration {
        let answer = try await database.transaction { transaction in
            try await (store ?? registrations).commit([request], clock: { now }, on: transaction).results[0]
        }
        switch answer {
        case .done(let registration, _): return registration
        case .refused(let refusal): throw refusal
        case .busy, .replayed: throw UnexpectedAnswer()
        }
    }

    private struct UnexpectedAnswer: Error {}

    /// The counters of an event beside what the rows say.
    public func counted(_ event: EventID) async throws -> (counters: Places, confirmedRows: Int, waitlistedRows: Int) {
        let rows = try await database.read(
            """
            SELECT p.revision, p.confirmed, p.waitlisted, p.capacity,
                count(*) FILTER (WHERE r.status = 'confirmed') AS confirmed_rows,
                count(*) FILTER (WHERE r.status = 'waitlisted') AS waitlisted_rows
            FROM event_places p LEFT JOIN registrations r ON r.event_id = p.event_id
            WHERE p.event_id = \(event) GROUP BY p.event_id
            """)
        guard let row = rows.first else { throw DomainError.notFound }
        let places = Places(
            revision: try row.decode("revision"), confirmed: try row.decode("confirmed"),
            waitlisted: try row.decode("waitlisted"), capacity: try row.decode("capacity"))
        return (places, try row.decode("confirmed_rows"), try row.decode("waitlisted_rows"))
    }
}
