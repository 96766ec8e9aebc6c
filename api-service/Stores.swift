import Persistence
import Postgres

/// The stores, on one database. Commands open a transaction with `database` and write through the stores.
struct Stores: Sendable {
    let database: Database
    let users: UserStore
    let sessions: SessionStore
    let accountLinks: AccountLinkStore
    let emailChanges = EmailChangeStore()
    let events: EventStore
    let registrations: RegistrationStore
    let tickets: TicketStore
    let checkIns: CheckInStore
    let manifests: ManifestStore
    let members: MemberStore
    let ticketKeys: TicketKeyStore
    let documents: TicketDocumentStore
    let transfers: TransferStore
    let announcements: AnnouncementStore
    let mailings: MailingStore
    let notifications: NotificationStore
    let preferences: PreferenceStore
    let deliveries: DeliveryStore
    let mailSettings: MailSettingsStore
    let webhooks: WebhookStore
    let mailPreviews: MailPreviewStore
    let stats: StatsStore
    let eventLog: EventLogStore
    let apiKeys: APIKeyStore
    let subscriptions: SubscriptionStore
    let invariants: InvariantStore
    let presence: PresenceStore
    let auditSeals: AuditSealStore
    let outbox = OutboxStore()
    let audit = AuditStore()
    let idempotency = IdempotencyStore()
    /// Public event data; whoever writes to an event invalidates it here before responding.
    let eventCache = EventCache()
    /// Sessions whose access tokens are rejected; whoever ends a session adds it here before responding.
    let endedSessions = EndedSessions()

    init(_ database: Database) {
        self.database = database
        users = UserStore(database)
        sessions = SessionStore(database)
        accountLinks = AccountLinkStore(database)
        events = EventStore(database)
        registrations = RegistrationStore(database)
        tickets = TicketStore(database)
        checkIns = CheckInStore(database)
        manifests = ManifestStore(database)
        members = MemberStore(database)
        ticketKeys = TicketKeyStore(database)
        documents = TicketDocumentStore(database)
        transfers = TransferStore(database)
        announcements = AnnouncementStore(database)
        mailings = MailingStore(database)
        notifications = NotificationStore(database)
        preferences = PreferenceStore(database)
        deliveries = DeliveryStore(database)
        mailSettings = MailSettingsStore(database)
        webhooks = WebhookStore(database)
        mailPreviews = MailPreviewStore(database)
        stats = StatsStore(database)
        subscriptions = SubscriptionStore(database)
        apiKeys = APIKeyStore(database)
        eventLog = EventLogStore(database)
        invariants = InvariantStore(database)
        presence = PresenceStore(database)
        auditSeals = AuditSealStore(database)
    }
}
