import Domain
import FoundationEssentials
import PasswordHashing
import Persistence
import Postgres

/// Seeds a demo: three accounts and a handful of upcoming events. Existing ones stay as they are.
struct SeedDemo: Sendable {
    static let password = "correct horse battery staple"

    let stores: Stores
    let passwords: PasswordHasher
    let clock: @Sendable () -> Date

    init(stores: Stores, passwords: PasswordHasher, clock: @escaping @Sendable () -> Date) {
        self.stores = stores
        self.passwords = passwords
        self.clock = clock
    }

    func perform() async throws -> (accounts: Int, events: Int) {
        var accounts = 0
        for (email, name, role) in [
            ("admin@example.com", "Ada Admin", Role.admin), ("organizer@example.com", "Olga Organizer", .organizer),
            ("user@example.com", "Uma User", .user),
        ] where try await stores.users.credentials(email: email) == nil {
            try await makeAccount(email, name, role)
            accounts += 1
        }
        guard let organizer = try await stores.users.credentials(email: "organizer@example.com")?.user else {
            return (accounts, 0)
        }
        let now = clock()
        let existing = try await stores.events.list(
            organizedBy: organizer.id, query: nil, from: now, to: nil, after: nil, limit: 100)
        let titles = Set(existing.items.map(\.details.title))
        var events = 0
        for event in DemoEvents.all(now: now) where !titles.contains(event.title) {
            let made = try await CreateEvent(stores: stores).perform(event.validated(), by: organizer.id)
            _ = try await PublishEvent(stores: stores, clock: clock).perform(made.id, by: organizer.id)
            events += 1
        }
        return (accounts, events)
    }

    /// With two concurrent seeders, the second finds the address taken, which is fine.
    private func makeAccount(_ email: String, _ name: String, _ role: Role) async throws {
        let hash = try await passwords.hash(Self.password, in: HashingShare(.signUp, client: "command line"))
        do {
            try await stores.database.transaction { transaction in
                _ = try await stores.users.insert(
                    id: UserID(), email: email, displayName: name, passwordHash: hash, role: role,
                    emailVerifiedAt: clock(), on: transaction)
            }
        } catch DomainError.emailTaken {}
    }
}

/// The demo's events, relative to a day.
enum DemoEvents {
    static func all(now: Date) -> [EventDetails] {
        [
            event(
                "Metropolis under the stars", "Waldbühne, Berlin", zone: "Europe/Berlin", capacity: 500,
                starts: at(now, day: 9, hour: 19), hours: 3,
                """
                Fritz Lang's Metropolis in the restored version, with the Babelsberg film orchestra playing live.

                Gates open an hour before the film. Bring a blanket; there are warm drinks at the kiosk. We play in light \
                rain, and move to the next evening if there is a storm.
                """),
            event(
                "Swift on the server: an evening of talks", "Betahaus, Hamburg", zone: "Europe/Berlin", capacity: 40,
                waitlist: true, starts: at(now, day: 5, hour: 17), hours: 3,
                """
                Three talks and plenty of time in between:

                • Outboxes and how not to lose a message
                • What a registration costs, measured
                • Driving libpq without blocking a thread

                Pizza from half past six. Beginners are welcome.
                """),
            event(
                "Sourdough for beginners", "Backstube Mehlwurm, Leipzig", zone: "Europe/Berlin", capacity: 12,
                waitlist: true, starts: at(now, day: 12, hour: 9), hours: 5,
                """
                From starter to loaf in one morning. You take home a jar of starter, a loaf, and the confidence to do it \
                again. Aprons are there; flour on your sleeves is certain.
                """),
            event(
                "Four seats, one cello", "Gallery Nordlicht, Kiel", zone: "Europe/Berlin", capacity: 4,
                starts: at(now, day: 3, hour: 18), hours: 1,
                "Bach's first suite, played for four people at a time. Please be there ten minutes early: once the door "
                    + "is shut, it stays shut."),
            event(
                "Harbour half marathon", "Kop van Zuid, Rotterdam", zone: "Europe/Amsterdam", capacity: 5000,
                starts: at(now, day: 30, hour: 8), hours: 5,
                """
                21.1 km along the Nieuwe Maas and over the Erasmus bridge: flat, fast, and with the wind from somewhere.

                Start numbers are handed out on the day before and from seven in the morning.
                """),
            event(
                "An afternoon of tea", "Camellia House, Kyoto", zone: "Asia/Tokyo", capacity: 20,
                starts: at(now, day: 21, hour: 5), hours: 2,
                "Usucha, wagashi and quiet. The ceremony is explained in English and Japanese. Socks without holes are "
                    + "recommended."),
            event(
                "Jazz in the Blue Room", "Blue Room, Wien", zone: "Europe/Vienna", capacity: 80, waitlist: true,
                starts: at(now, day: 14, hour: 20), hours: 3,
                "The Marlene Koch Quartet with songs from their second record. Two sets, one long break, and a bar that "
                    + "stays open."),
        ]
    }

    private static func event(
        _ title: String, _ venue: String, zone: String, capacity: Int, waitlist: Bool = false, starts: Date,
        hours: Double, _ description: String
    ) -> EventDetails {
        EventDetails(
            title: title, description: description, venue: venue, startsAt: starts,
            endsAt: starts.addingTimeInterval(hours * 3600), timeZone: zone, capacity: capacity,
            waitlistEnabled: waitlist)
    }

    /// Days from now, at a full hour of UTC.
    private static func at(_ now: Date, day: Int, hour: Int) -> Date {
        let today = (now.timeIntervalSince1970 / 86_400).rounded(.down) * 86_400
        return Date(timeIntervalSince1970: today + Double(day) * 86_400 + Double(hour) * 3600)
    }
}
