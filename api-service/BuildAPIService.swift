import AMQP
import Access
import Bootstrap
import CoreMetrics
import Domain
import FoundationEssentials
import Hummingbird
import Logging
import Messaging
import PasswordHashing
import Persistence
import Postgres
import Redis
import ServiceLifecycle

/// The service, put together: what `serve` runs and tests drive.
struct APIService: Sendable {
    let application: any Service
    let health: HealthEndpoint
    /// What runs beside the application and outlives it, in the order of dependence.
    let services: [any Service]
}

/// Wires everything.
/// - Parameters:
///   - relaying: whether the outbox relay runs inside; a test of the HTTP surface alone does without.
///   - clock: the time that rules go by; tests give their own.
///   - passwords: hashes and checks them; tests look at how often.
///   - onServerRunning: hears the port that was chosen.
func buildAPIService(
    _ settings: APISettings, metrics: PrometheusRegistry, logger: Logger, relaying: Bool = true,
    clock: @escaping @Sendable () -> Date = { Date() }, passwords: PasswordHasher = PasswordHasher(),
    onServerRunning: @escaping @Sendable (Int) async -> Void = { _ in }
) async throws -> APIService {
    let database = Database(settings.database, logger: logger)
    let keys = AccessKeys(signing: settings.accessTokenKey, published: settings.accessKeySet)
    let issuer = AccessTokenIssuer(keys: keys, issuer: settings.common.publicURL.origin)
    let verifier = try await AccessTokenVerifier(
        keySet: keys.set, issuer: settings.common.publicURL.origin)
    var checks = [ReadinessCheck("postgres") { _ = try await database.read("SELECT 1") }]
    let stores = Stores(database)
    let desk = AdmissionDesk(
        database: database, registrations: stores.registrations, eventCache: stores.eventCache, metrics: metrics,
        clock: clock, logger: logger)
    metrics.gauge("em_admission_waiting", "Wishes for places that wait for their turn.") { Double(desk.waiting) }
    stores.eventCache.show(in: metrics)
    let printer = TicketPrinter(store: stores.documents)
    metrics.gauge("em_password_hashing_waiting", "Passwords that wait to be hashed.") { Double(passwords.waiting) }
    metrics.gauge("em_ended_sessions", "Sessions that ended within the life of an access token.") {
        Double(stores.endedSessions.count)
    }
    let watch = SessionWatch(sessions: stores.sessions, ended: stores.endedSessions, logger: logger)
    let keyWatch = KeyWatch(files: settings.keyFiles, keys: keys, verifier: verifier, logger: logger)
    var services: [any Service] = [DatabaseService(database, metrics: metrics), desk, printer, watch, keyWatch]
    var machinery: Machinery?
    if relaying {
        let redis = RedisClient(settings.redis, logger: logger)
        let relay = OutboxRelay(
            database: database, broker: settings.broker, redis: redis, isBusy: { desk.isCrowded }, logger: logger)
        let pruning = Pruning(
            store: PruningStore(database), chores: chores(stores, settings.retention, clock), metrics: metrics,
            logger: logger)
        let sealing = AuditSealing(store: stores.auditSeals, metrics: metrics, logger: logger)
        let mails = MailWatch(deliveries: stores.deliveries, broker: relay.broker, metrics: metrics, clock: clock)
        let queues = SubscriptionQueues(publisher: relay.broker)
        let upkeep = SubscriptionUpkeep(stores: stores, queues: queues, logger: logger)
        services += [RedisService(redis: redis), relay, upkeep, pruning, sealing, mails]
        machinery = Machinery(
            relay: relay, redis: redis,
            deadLetters: DeadLetterOffice(
                broker: settings.broker, publisher: relay.broker, store: DeadLetterStore(database), logger: logger),
            mails: mails, subscriptionQueues: queues)
        // Registrations go on without them; what is owed waits in the outbox.
        checks += [
            ReadinessCheck("rabbitmq", isRequired: false) { try require(relay.broker.state == .connected) },
            ReadinessCheck("redis", isRequired: false) { try require(redis.isConnected) },
        ]
    }
    let health = HealthEndpoint(metrics: metrics, checks: checks)
    let table = RouteTable(
        routes: routes(
            settings, stores: stores, machinery: machinery, desk: desk, printer: printer,
            passwords: passwords, issuer: issuer, throttle: Throttle(redis: machinery?.redis, clock: clock),
            clock: clock, logger: logger))
    let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
    health.addRoutes(to: router)
    BrokerRoutes(subscriptions: stores.subscriptions).add(to: router)
    let authentication = Authentication(
        verifier: verifier, publicURL: settings.common.publicURL, ended: stores.endedSessions,
        currentRole: { try await stores.users.role(of: $0) },
        keys: KeyGuard(
            keys: stores.apiKeys, limiter: settings.common.rateLimits ? KeyLimiter(redis: machinery?.redis) : nil,
            clock: clock),
        clock: clock)
    install(
        table, on: router, authentication, RequestMetrics(factory: metrics),
        CrossOrigin(origins: settings.crossOrigins, table: table))
    let application = Application(
        router: router,
        configuration: .init(
            address: .hostname(settings.common.host, port: settings.common.port), serverName: nil,
            // A crowd knocks at once: what doesn't fit in here waits seconds for its next try (the kernel caps it).
            backlog: 4096),
        onServerRunning: { channel in await onServerRunning(channel.localAddress?.port ?? 0) },
        logger: logger)
    return APIService(application: application, health: health, services: services)
}

/// What grows old, row by row.
private func chores(
    _ stores: Stores, _ retention: Retention, _ clock: @escaping @Sendable () -> Date
) -> [Pruning.Chore] {
    [
        .init("outbox") { limit, transaction in
            try await stores.outbox.prune(before: clock() - retention.eventLog, limit: limit, on: transaction)
        },
        .init("inbox") { limit, transaction in
            try await InboxStore().prune(before: clock() - retention.inbox, limit: limit, on: transaction)
        },
        .init("suspects") { limit, transaction in
            try await SuspectStore(stores.database).prune(
                before: clock() - retention.suspects, limit: limit, on: transaction)
        },
        .init("ticket_documents") { limit, transaction in
            try await stores.documents.prune(
                before: clock() - retention.ticketDocuments, limit: limit, on: transaction)
        },
        .init("sessions") { limit, transaction in
            try await stores.sessions.prune(before: clock() - retention.endedSessions, limit: limit, on: transaction)
        },
        .init("email_changes") { limit, transaction in
            try await stores.emailChanges.prune(before: clock() - retention.emailChanges, limit: limit, on: transaction)
        },
        .init("unsubscribe_links") { limit, transaction in
            try await stores.preferences.prune(
                before: clock() - retention.unsubscribeLinks, limit: limit, on: transaction)
        },
        .init("api_keys") { limit, transaction in
            try await stores.apiKeys.prune(before: clock() - APIKeyStore.memory, limit: limit, on: transaction)
        },
        .init("webhook_deliveries") { limit, transaction in
            try await stores.webhooks.prune(
                before: clock() - min(retention.webhookDeliveries, retention.eventLog), limit: limit, on: transaction)
        },
        .init("mail_previews") { limit, transaction in
            try await stores.mailPreviews.prune(
                before: clock() - MailPreviewStore.lifetime, limit: limit, on: transaction)
        },
        .init("idempotency_keys") { limit, transaction in
            try await stores.idempotency.prune(limit: limit, on: transaction)
        },
    ]
}

/// The whole HTTP surface, line by line; openapi.yaml names the same (a test compares them).
func routes(
    _ settings: APISettings, stores: Stores, machinery: Machinery? = nil, desk: AdmissionDesk,
    printer: TicketPrinter, passwords: PasswordHasher, issuer: AccessTokenIssuer, throttle: Throttle,
    clock: @escaping @Sendable () -> Date, logger: Logger
) -> [Route] {
    let authorization = Authorization(stores: stores)
    let publicURL = settings.common.publicURL
    let keyring = TicketKeyring(stores.ticketKeys, given: settings.ticketKeys)
    let openSession = OpenSession(stores: stores, issuer: issuer, clock: clock)
    let verifiedEmail = RequireVerifiedEmail(stores: stores, isOn: settings.requiresVerifiedEmail)
    let cookie = RefreshCookie(publicURL)
    let signInGuard = SignInGuard(throttle: throttle)
    let mailGuard = MailGuard(throttle: throttle, isOn: settings.common.rateLimits)
    let clients = ClientAddresses(proxies: settings.trustedProxies)
    let checkPassword = CheckPassword(stores: stores, passwords: passwords)
    let changeEmail = ChangeEmail(stores: stores, checkPassword: checkPassword, clock: clock)
    let cancelRegistration = CancelRegistration(desk: desk)
    let auth = AuthRoutes(
        registerUser: RegisterUser(
            stores: stores, passwords: passwords, openSession: openSession, verifiedEmail: verifiedEmail),
        logIn: LogIn(stores: stores, passwords: passwords, openSession: openSession, verifiedEmail: verifiedEmail),
        refreshSession: RefreshSession(stores: stores, openSession: openSession, clock: clock, logger: logger),
        logOut: LogOut(stores: stores), requestMail: RequestAccountMail(stores: stores),
        verifyEmail: VerifyEmail(stores: stores, clock: clock),
        resetPassword: ResetPassword(stores: stores, passwords: passwords, clock: clock), changeEmail: changeEmail,
        signInGuard: signInGuard, mailGuard: mailGuard, clients: clients, cookie: cookie)
    let sessions = SessionRoutes(stores: stores, endSessions: EndSessions(stores: stores), cookie: cookie, clock: clock)
    let credentials = CredentialRoutes(
        stores: stores,
        changePassword: ChangePassword(
            stores: stores, passwords: passwords, checkPassword: checkPassword, openSession: openSession, clock: clock),
        changeEmail: changeEmail,
        deleteAccount: DeleteAccount(
            stores: stores, cancelRegistration: cancelRegistration, checkPassword: checkPassword, clock: clock),
        signInGuard: signInGuard, mailGuard: mailGuard, clients: clients, cookie: cookie, clock: clock)
    let account = AccountRoutes(stores: stores, editAccount: EditAccount(stores: stores), clock: clock)
    let events = EventRoutes(
        stores: stores, authorization: authorization, createEvent: CreateEvent(stores: stores),
        editEvent: EditEvent(stores: stores, clock: clock), publishEvent: PublishEvent(stores: stores, clock: clock),
        cancelEvent: CancelEvent(stores: stores, clock: clock), clock: clock)
    let heads = EventHeadRoutes(stores: stores, publicURL: publicURL)
    let registrations = RegistrationRoutes(
        stores: stores, authorization: authorization, verifiedEmail: verifiedEmail, register: Register(desk: desk),
        cancelRegistration: cancelRegistration, addAttendee: AddAttendee(stores: stores, desk: desk),
        clock: clock)
    let tickets = TicketRoutes(
        stores: stores, authorization: authorization, printer: printer,
        reissueTicket: ReissueTicket(stores: stores, clock: clock), publicURL: publicURL, clock: clock)
    let transfers = TransferRoutes(
        stores: stores, authorization: authorization,
        transferTicket: TransferTicket(stores: stores, clock: clock))
    let checkIns = CheckInRoutes(
        authorization: authorization, checkIn: CheckIn(stores: stores, keyring: keyring), clock: clock)
    let gate = GateRoutes(
        stores: stores, authorization: authorization,
        mergeScans: MergeScans(stores: stores, keyring: keyring, clock: clock),
        undoCheckIn: UndoCheckIn(stores: stores, clock: clock), keyring: keyring,
        keys: issuer.keys, clock: clock)
    let members = MemberRoutes(
        stores: stores, authorization: authorization, manageMembers: ManageMembers(stores: stores, clock: clock))
    let announcements = AnnouncementRoutes(
        stores: stores, authorization: authorization,
        postAnnouncement: PostAnnouncement(stores: stores, clock: clock),
        cancelAnnouncement: CancelAnnouncement(stores: stores), clock: clock)
    let notifications = NotificationRoutes(
        stores: stores, readNotifications: ReadNotifications(stores: stores, clock: clock),
        editPreferences: EditPreferences(stores: stores), unsubscribe: Unsubscribe(stores: stores))
    let mailSettings = MailSettingsRoutes(
        stores: stores, authorization: authorization, editMailSettings: EditMailSettings(stores: stores))
    let mailPreviews = MailPreviewRoutes(
        stores: stores, authorization: authorization, previewMail: PreviewMail(stores: stores, clock: clock),
        clock: clock)
    let mailings = MailingRoutes(stores: stores, authorization: authorization)
    let statistics = StatisticsRoutes(stores: stores, authorization: authorization)
    let admin = AdminRoutes(stores: stores, grantRole: GrantRole(stores: stores))
    let audit = AuditRoutes(entries: stores.auditSeals)
    let verification = VerifyRoutes(stores: stores)
    let deliveries = DeliveryRoutes(
        stores: stores, authorization: authorization, resendMail: ResendMail(stores: stores), watch: machinery?.mails,
        clock: clock)
    let sending = SendingRoutes(stores: stores, pauseSending: PauseSending(stores: stores, clock: clock))
    let operations = OperationsRoutes(
        inspection: SystemInspection(stores: stores, machinery: machinery, clock: clock),
        deadLetters: machinery?.deadLetters)
    let apiKeys = APIKeyRoutes(
        stores: stores, manageAPIKeys: ManageAPIKeys(stores: stores, clock: clock), clock: clock)
    let subscriptions = SubscriptionRoutes(
        stores: stores,
        manageSubscriptions: ManageSubscriptions(
            stores: stores, queues: machinery?.subscriptionQueues, webhookKey: settings.webhookKey, clock: clock),
        replayMessages: ReplayMessages(stores: stores, queues: machinery?.subscriptionQueues, clock: clock),
        publicBroker: settings.publicBroker, webhookAddresses: settings.webhookAddresses, clock: clock)
    let messages = MessageRoutes(log: stores.eventLog, authorization: authorization)
    let webhooks = WebhookRoutes(
        stores: stores, retryDelivery: RetryDelivery(stores: stores, clock: clock),
        testWebhook: TestWebhook(stores: stores, clock: clock))
    let documents = DocumentRoutes(keys: issuer.keys, keyring: keyring)

    return [
        .post("/api/v1/auth/register", .ignored, auth.register),
        .post("/api/v1/auth/login", .ignored, auth.logIn),
        .post("/api/v1/auth/refresh", .cookie, auth.refresh),
        .post("/api/v1/auth/logout", .cookie, auth.logOut),
        .post("/api/v1/auth/verify-email", .ignored, auth.verifyEmail),
        .post("/api/v1/auth/verify-email/resend", .ignored, auth.resendVerification),
        .post("/api/v1/auth/password-reset", .ignored, auth.requestPasswordReset),
        .post("/api/v1/auth/password-reset/confirm", .ignored, auth.resetPassword),
        .post("/api/v1/auth/email-change/confirm", .ignored, auth.confirmEmail),

        .get("/api/v1/me", .required, account.show),
        .patch("/api/v1/me", .required, account.edit),
        .delete("/api/v1/me", .required, credentials.delete),
        .post("/api/v1/me/password", .required, credentials.password),
        .post("/api/v1/me/email", .required, credentials.email),
        .get("/api/v1/me/export", .required, credentials.export),
        .get("/api/v1/me/sessions", .required, sessions.list),
        .delete("/api/v1/me/sessions", .required, sessions.endAll),
        .delete("/api/v1/me/sessions/{id}", .required, sessions.end),
        .get("/api/v1/me/registrations", .required, account.registrations),
        .get("/api/v1/me/notifications", .required, notifications.list),
        .get("/api/v1/me/notifications/unread", .required, notifications.unread),
        .post("/api/v1/me/notifications/read", .required, notifications.markAllRead),
        .post("/api/v1/me/notifications/{id}/read", .required, notifications.markRead),
        .get("/api/v1/me/preferences", .required, notifications.showPreferences),
        .patch("/api/v1/me/preferences", .required, notifications.edit),
        .get("/api/v1/unsubscribe", .ignored, notifications.openLink),
        .post("/api/v1/unsubscribe", .ignored, notifications.followLink),

        .get("/api/v1/events", .optional, events.list, .listEvents),
        .post("/api/v1/events", .required, events.create, .createEvent),
        .get("/api/v1/events/{id}", .optional, events.show, .viewPublishedEvent),
        .get("/api/v1/events/{id}.html", .optional, heads.show, .viewPublishedEvent),
        .patch("/api/v1/events/{id}", .required, events.edit, .editEvent),
        .post("/api/v1/events/{id}/publish", .required, events.publish, .publishEvent),
        .post("/api/v1/events/{id}/cancel", .required, events.cancel, .cancelEvent),

        .post("/api/v1/events/{id}/registrations", .required, registrations.register, .registerForEvent),
        .get("/api/v1/events/{id}/registrations", .required, registrations.attendees, .viewAttendees),
        .post("/api/v1/events/{id}/registrations/add", .required, registrations.add, .addAttendee),
        .delete("/api/v1/events/{id}/registrations/{registrationId}", .required, registrations.remove, .removeAttendee),
        .get("/api/v1/events/{id}/registrations.csv", .required, registrations.attendeesCSV, .viewAttendees),
        .get("/api/v1/registrations/{id}", .required, registrations.show, .viewRegistration),
        .get("/api/v1/registrations/{id}/notifications", .required, deliveries.list, .viewRegistration),
        .get("/api/v1/registrations/{id}/timeline", .required, deliveries.timeline, .viewRegistration),
        .post("/api/v1/registrations/{id}/resend", .required, deliveries.resend, .resendMail),
        .delete("/api/v1/registrations/{id}", .required, registrations.cancel, .cancelRegistration),

        .get("/api/v1/tickets/{id}", .required, tickets.show, .viewTicket),
        .get("/api/v1/tickets/{id}.svg", .required, tickets.svg, .viewTicket),
        .get("/api/v1/tickets/{id}.png", .required, tickets.png, .viewTicket),
        .get("/api/v1/tickets/{id}.pdf", .required, tickets.pdf, .viewTicket),
        .get("/api/v1/tickets/{id}.ics", .required, tickets.calendar, .viewTicket),
        .post("/api/v1/tickets/{id}/reissue", .required, tickets.reissue, .reissueTicket),
        .post("/api/v1/tickets/{id}/transfer", .required, transfers.offer),
        .delete("/api/v1/tickets/{id}/transfer", .required, transfers.withdraw),
        .post("/api/v1/ticket-transfers/accept", .required, transfers.accept),

        .get("/api/v1/events/{id}/check-in-manifest", .required, gate.manifest, .checkIn),
        .get("/api/v1/events/{id}/check-ins", .required, gate.list, .checkIn),
        .post("/api/v1/events/{id}/check-ins", .required, checkIns.scan, .checkIn),
        .post("/api/v1/events/{id}/check-ins/batch", .required, gate.merge, .checkIn),
        .get("/api/v1/events/{id}/check-ins/conflicts", .required, gate.conflicts, .viewConflicts),
        .post("/api/v1/check-ins/{id}/undo", .required, gate.undo, .undoCheckIn),

        .get("/api/v1/events/{id}/members", .required, members.list),
        .post("/api/v1/events/{id}/members", .required, members.add),
        .delete("/api/v1/events/{id}/members/{userId}", .required, members.remove),

        .get("/api/v1/events/{id}/announcements", .optional, announcements.list, .listAnnouncements),
        .post("/api/v1/events/{id}/announcements", .required, announcements.post, .postAnnouncement),
        .post("/api/v1/events/{id}/announcements/preview", .required, announcements.preview, .postAnnouncement),
        .delete(
            "/api/v1/events/{id}/announcements/{announcementId}", .required, announcements.cancel, .postAnnouncement),
        .get("/api/v1/events/{id}/mail-settings", .required, mailSettings.show, .viewMailings),
        .put("/api/v1/events/{id}/mail-settings", .required, mailSettings.replace, .editEvent),
        .post("/api/v1/events/{id}/mail-previews", .required, mailPreviews.create, .viewMailings),
        .get("/api/v1/mail-previews/{id}.html", .ignored, mailPreviews.show),
        .get("/api/v1/events/{id}/delivery", .required, deliveries.delivery, .viewMailings),
        .get("/api/v1/events/{id}/mailings", .required, mailings.list, .viewMailings),
        .get("/api/v1/events/{id}/mailings/{mailingId}", .required, mailings.show, .viewMailings),
        .get("/api/v1/events/{id}/stats", .required, statistics.show, .viewStatistics),

        .get("/api/v1/api-keys", .required, apiKeys.list),
        .post("/api/v1/api-keys", .required, apiKeys.create),
        .delete("/api/v1/api-keys/{id}", .required, apiKeys.revoke),
        .get("/api/v1/subscriptions", .required, subscriptions.list, .manageSubscription),
        .post("/api/v1/subscriptions", .required, subscriptions.create, .createSubscription),
        .get("/api/v1/subscriptions/{id}", .required, subscriptions.show, .manageSubscription),
        .patch("/api/v1/subscriptions/{id}", .required, subscriptions.edit, .manageSubscription),
        .delete("/api/v1/subscriptions/{id}", .required, subscriptions.remove, .manageSubscription),
        .post("/api/v1/subscriptions/{id}/credentials", .required, subscriptions.renew, .manageSubscription),
        .post("/api/v1/subscriptions/{id}/replay", .required, subscriptions.replay, .manageSubscription),
        .get("/api/v1/messages", .required, messages.list, .readMessages),
        .get("/api/v1/subscriptions/{id}/deliveries", .required, webhooks.list, .manageSubscription),
        .post(
            "/api/v1/subscriptions/{id}/deliveries/{deliveryId}/retry", .required, webhooks.retry, .manageSubscription),
        .post("/api/v1/subscriptions/{id}/test", .required, webhooks.test, .manageSubscription),

        .get("/api/v1/admin/users", .required, admin.users),
        .patch("/api/v1/admin/users/{id}", .required, admin.grantRole),
        .get("/api/v1/admin/audit", .required, audit.list),
        .get("/api/v1/admin/audit.csv", .required, audit.table),
        .get("/api/v1/admin/verify", .required, verification.verify),
        .get("/api/v1/admin/system", .requiredAtAllTimes, operations.system),
        .get("/api/v1/admin/sending", .required, sending.show),
        .post("/api/v1/admin/sending/pause", .required, sending.pause),
        .post("/api/v1/admin/sending/resume", .required, sending.resume),
        .get("/api/v1/admin/dead-letters", .required, operations.list),
        .post("/api/v1/admin/dead-letters/{id}/replay", .required, operations.replay),
        .delete("/api/v1/admin/dead-letters/{id}", .required, operations.discard),

        .get("/.well-known/jwks.json", .ignored, documents.accessKeys),
        .get("/.well-known/ticket-keys.json", .ignored, documents.ticketKeys),
        .get("/openapi.yaml", .ignored, documents.openAPI),
        .get("/asyncapi.yaml", .ignored, documents.asyncAPI),
    ]
}

/// Puts the table on the router, behind the middleware that every request passes: trace, other origins, problems, credentials.
private func install(
    _ table: RouteTable, on router: Router<APIContext>, _ authentication: Authentication, _ metrics: RequestMetrics,
    _ crossOrigin: CrossOrigin
) {
    router.add(middleware: TraceMiddleware(metrics: metrics))
    router.add(middleware: crossOrigin)
    router.add(middleware: DeprecationMiddleware(table: table))
    router.add(middleware: ProblemMiddleware(table: table))
    for route in table.routes {
        router.on(RouterPath(route.path), method: route.method) { request, context in
            var context = context
            let (principal, fields) = try await authentication.caller(of: request, route.credentials)
            try Authorization.requireScope(of: principal, for: route.action)
            context.principal = principal
            var response = try await route.handle(request, context)
            response.headers.append(contentsOf: fields)
            return response
        }
    }
}

/// Closes the connection once everything that uses it has stopped.
private struct RedisService: Service {
    let redis: RedisClient

    func run() async throws {
        do { try await gracefulShutdown() } catch {}  // cancelled: close all the same
        await redis.close()
    }
}

private struct NotConnected: Error {}

private func require(_ condition: Bool) throws {
    if !condition { throw NotConnected() }
}
