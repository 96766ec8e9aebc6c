import Access
import Bootstrap
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import Persistence
import Postgres
import Redis
import ServiceLifecycle

/// The wiring of ws-hub: read this first.
///
///     Redis ──RedisSubscriber──→ LiveUpdateFeed ──deliver──→ Hub (one per event loop) ──→ TopicListeners ──→ Session
///     Postgres ──LiveStore, EventStore─┘ (snapshots, revision checks)                      HandshakeGuard ──┘
///         └──────LiveStore──→ SignInCheck (closes sockets whose session, role or membership has ended)
///
/// | request | response |
/// |---|---|
/// | GET /ws with an upgrade | a WebSocket: see ``Session`` for its frames, ``CloseCode`` for its end |
/// | GET /ws without | 426 |
/// | GET /livez, /readyz, /metrics | ``HealthEndpoint`` |
struct HubService: Sendable {
    let settings: HubSettings
    let health: HealthEndpoint
    let logger: Logger
    private let database: Database
    private let services: [any Service]

    /// - Parameter onListening: called with the port that the service listens on.
    init(
        _ settings: HubSettings, logger: Logger, onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let registry = PrometheusRegistry()
        registry.exposeProcess(service: "ws-hub")
        let metrics = HubMetrics(registry)

        let database = Database(settings.database, logger: logger)
        var redisSettings = RedisSettings()
        redisSettings.commandTimeout = .seconds(1)  // a stalled Redis must not delay snapshots for longer
        redisSettings.connectTimeout = .seconds(1)
        let subscriber = RedisSubscriber(settings.redis, settings: redisSettings, logger: logger)
        let verifier = try await AccessTokenVerifier(
            keySet: settings.accessKeys, issuer: settings.common.publicURL.origin)

        let feed = LiveUpdateFeed(
            subscriber: subscriber, database: database, comparisonInterval: settings.limits.comparison,
            metrics: metrics, logger: logger)
        let access = HubAccess(verifier: verifier, store: LiveStore(database))
        let hubs = Hubs(
            group, feed: feed, access: access, limits: settings.limits, metrics: metrics, logger: logger)
        hubs.expose(in: registry)

        health = HealthEndpoint(
            metrics: registry,
            checks: [
                ReadinessCheck("postgres") { _ = try await database.read("SELECT 1") },
                ReadinessCheck("redis", isRequired: false) {
                    guard subscriber.isConnected else { throw RedisError(.unreachable("not connected")) }
                },
            ])
        let router = Router(options: .autoGenerateHeadEndpoints)
        health.addRoutes(to: router)
        router.get("/ws") { _, _ in Response(status: .upgradeRequired, headers: [.upgrade: "websocket"]) }
        let (publicURL, proxies) = (settings.common.publicURL, settings.trustedProxies)
        let server = Application(
            router: router,
            server: HTTPServerBuilder { responder in
                WebSocketServer(responder: responder, hubs: hubs, publicURL: publicURL, trustedProxies: proxies)
            },
            configuration: .init(
                address: .hostname(settings.common.host, port: settings.common.port), serverName: nil, backlog: 4096),
            onServerRunning: { channel in onListening(channel.localAddress?.port ?? 0) },
            eventLoopGroupProvider: .shared(group), logger: quietened(logger))

        self.settings = settings
        self.logger = logger
        self.database = database
        // Stopped in reverse order: no new sockets, then the sockets' close frames, then the feed.
        let keyWatch = KeyReloader(file: settings.accessKeysFile, verifier: verifier, logger: logger).service
        services = [
            DatabaseService(database, metrics: registry), feed, keyWatch,
            SignInCheck(hubs: hubs, access: access, metrics: metrics, logger: logger).service, hubs, server,
        ]
    }

    /// Runs until SIGTERM or SIGINT, or until the task is asked to shut down gracefully.
    func run() async throws {
        try await runServices(services, health: health, settings: settings.common, logger: logger)
        await database.close()
    }

    /// The parts, for the caller's own group (tests, several hubs in one process).
    var parts: [any Service] { services }

    func close() async { await database.close() }
}
