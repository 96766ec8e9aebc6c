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

/// The assembled service: run by `serve`, and driven by tests.
struct APIService: Sendable {
    let application: any Service
    let health: HealthEndpoint
    /// Background services that outlive the application, in dependency order.
    let services: [any Service]
}

/// Wires everything.
/// - Parameters:
///   - relaying: whether the outbox relay runs inside; tests of the HTTP API alone do without.
///   - clock: the time for business rules; tests inject their own.
///   - passwords: hashes and verifies; tests count the calls.
///   - onServerRunning: called with the chosen port.
func buildAPIService(
    _ settings: APISettings, metrics: PrometheusRegistry, logger: Logger, relaying: Bool = true,
    clock: @escaping @Sendable () -> Date = { Date() }, passwords: PasswordHasher = PasswordHasher(),
    onServerRunning: @escaping @Sendable (Int) async -> Void = { _ in }
) async throws -> APIService {
    let database = Database(settings.database, logger: logger)
    let keys = AccessKeys(signing: settings.accessTokenKey, published: settings.accessKeySet)
    let issuer = AccessTokenIssuer(keys: keys, issuer: settings.common.publicURL.origin)
    let verifier = try await AccessTokenVerifier(keySet: keys.set, issuer: settings.common.publicURL.origin)
    let stores = Stores(database)
    let accessLog = AccessLog(stores, clock: clock, logger: logger)
    let clients = ClientAddresses(proxies: settings.trustedProxies)
    let batcher = RegistrationBatcher(
        database: database, registrations: stores.registrations, eventCache: stores.eventCache, metrics: metrics,
        clock: clock, logger: logger)
    let printer = TicketPrinter(store: stores.documents)
    let invariants = InvariantMonitor(stores.invariants, stuckAfter: VerifyReportJSON.usualStuckAfter, logger: logger)
    showGauges(in: metrics, batcher: batcher, passwords: passwords, stores: stores)
    let machinery =
        relaying
        ? BackgroundServices(settings, stores: stores, batcher: batcher, metrics: metrics, clock: clock, logger: logger)
        : nil
    let health = HealthEndpoint(
        metrics: metrics,
        checks: [ReadinessCheck("postgres") { _ = try await database.read("SELECT 1") }] + (machinery?.checks ?? []))
    let table = RouteTable(
        routes: APIRoutes(
            settings, stores: stores, machinery: machinery, batcher: batcher, printer: printer,
            invariants: invariants, passwords: passwords, issuer: issuer,
            throttle: Throttle(redis: machinery?.redis, clock: clock), accessLog: accessLog,
            clock: clock,
            logger: logger
        ).all)
    let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
    health.addRoutes(to: router)
    if let secret = settings.brokerSecret {
        BrokerRoutes(subscriptions: stores.subscriptions, secret: secret).add(to: router)
    }
    let authentication = Authentication(
        verifier: verifier, publicURL: settings.common.publicURL, crossOrigins: settings.crossOrigins, clients: clients,
        ended: stores.endedSessions,
        currentRole: { try await stores.users.role(of: $0) },
        keys: KeyGuard(
            keys: stores.apiKeys, database: database, accessLog: accessLog,
            limiter: settings.common.rateLimits ? KeyLimiter(redis: machinery?.redis) : nil,
            clock: clock),
        clock: clock)
    install(
        table, on: router, authentication, RequestMetrics(factory: metrics),
        CrossOrigin(origins: settings.crossOrigins, table: table), accessLog)
    let application = Application(
        router: router,
        server: .plainHTTP,
        configuration: .init(
            address: .hostname(settings.common.host, port: settings.common.port), serverName: nil,
            // In a rush many connect at once: a client that doesn't fit retries only after seconds (the kernel caps
            // it).
            backlog: 4096),
        onServerRunning: { channel in await onServerRunning(channel.localAddress?.port ?? 0) },
        logger: logger)
    let steps = PendingSteps(store: PendingStepStore(database), clock: clock, logger: logger).service
    let watches: [any Service] = [
        EndedSessionPoller(sessions: stores.sessions, ended: stores.endedSessions, logger: logger).service,
        KeyReloader(files: settings.keyFiles, keys: keys, verifier: verifier, logger: logger).service,
    ]
    return APIService(
        application: application, health: health,
        services: [DatabaseService(database, metrics: metrics), batcher, printer, steps, invariants] + watches
            + (machinery?.services ?? []))
}

private func showGauges(
    in metrics: PrometheusRegistry, batcher: RegistrationBatcher, passwords: PasswordHasher, stores: Stores
) {
    metrics.gauge("em_registration_waiting", "Registration requests waiting for their batch.") {
        Double(batcher.waiting)
    }
    metrics.gauge("em_password_hashing_waiting", "Passwords waiting to be hashed.") { Double(passwords.waiting) }
    metrics.gauge("em_ended_sessions", "Sessions that ended within the lifetime of an access token.") {
        Double(stores.endedSessions.count)
    }
    stores.eventCache.show(in: metrics)
}

/// Installs the route table, behind the middleware of every request: trace, CORS, problems, credentials.
private func install(
    _ table: RouteTable, on router: Router<APIContext>, _ authentication: Authentication, _ metrics: RequestMetrics,
    _ crossOrigin: CrossOrigin, _ accessLog: AccessLog
) {
    router.add(middleware: TraceMiddleware(metrics: metrics))
    router.add(middleware: crossOrigin)
    router.add(middleware: ProblemMiddleware(table: table))
    for route in table.routes {
        router.on(RouterPath(route.path), method: route.method) { request, context in
            var context = context
            context.bodyLimit = route.bodyLimit
            if route.signsInOrOut { try authentication.checkSource(request) }
            let (principal, fields) = try await authentication.caller(of: request, context, route.credentials)
            context.principal = principal
            do {
                try Authorization.requireScope(of: principal, for: route.action)
                var response = try await route.handle(request, context)
                response.headers.append(contentsOf: fields)
                return response
            } catch DomainError.forbidden {
                if let principal {
                    let origin = authentication.clients.origin(of: request, context)
                    await accessLog.refused(principal.userID, route.name, from: origin)
                }
                throw DomainError.forbidden
            }
        }
    }
}
