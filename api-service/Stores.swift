import Persistence
import Postgres

/// The stores, on one database. Commands open a transaction with `database` and write through the stores.
struct Stores: Sendable {
    let database: Database
    let users: UserStore
    let sessions: SessionStore
    let events: EventStore
    let registrations: RegistrationStore
    let tickets: TicketStore
    let checkIns = CheckInStore()
    let announcements: AnnouncementStore
    let notifications: NotificationStore
    let stats: StatsStore
    let outbox = OutboxStore()
    let audit = AuditStore()

    init(_ database: Database) {
        self.database = database
        users = UserStore(database)
        sessions = SessionStore(database)
        events = EventStore(database)
        registrations = RegistrationStore(database)
        tickets = TicketStore(database)
        announcements = AnnouncementStore(database)
        notifications = NotificationStore(database)
        stats = StatsStore(database)
    }
}
