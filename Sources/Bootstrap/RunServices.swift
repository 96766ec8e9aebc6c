import Glibc
import Hummingbird
import HummingbirdCore
public import Logging
public import ServiceLifecycle
import UnixSignals

/// A server of `/livez`, `/readyz` and `/metrics` for a service without an HTTP API of its own.
public struct HealthServer: Service, CustomStringConvertible {
    private let application: Application<RouterResponder<BasicRequestContext>>

    public init(_ health: HealthEndpoint, settings: CommonSettings, logger: Logger) {
        let router = Router(options: .autoGenerateHeadEndpoints)
        health.addRoutes(to: router)
        application = Application(
            router: router,
            server: .plainHTTP,
            configuration: .init(address: .hostname(settings.host, port: settings.port), serverName: nil),
            logger: quietened(logger))
    }

    public func run() async throws { try await application.run() }

    public var description: String { "HealthServer" }
}

/// A logger that drops the HTTP server's messages below warning (one line for each connection error caused by a
/// client).
public func quietened(_ logger: Logger) -> Logger {
    var logger = logger
    logger.logLevel = max(logger.logLevel, .notice)
    return logger
}

/// Turns readiness off first and gives load balancers `delay` to notice, before any other service begins to stop.
struct DrainAnnouncer: Service {
    let health: HealthEndpoint
    let delay: Duration
    let logger: Logger

    func run() async throws {
        // Not canceled but notified: the shutdown of the others waits until this returns.
        await withCheckedShutdown()
        health.beginDraining()
        logger.info("draining")
        try await Task.sleep(for: delay)
    }

    private func withCheckedShutdown() async {
        do { try await gracefulShutdown() } catch {}  // canceled: drain at once
    }
}

/// Runs a service's parts until SIGTERM or SIGINT, then stops them one after another, last first, and returns.
///
/// Order them by dependency: what others need comes first and is stopped last. A normal return means a clean drain
/// (exit code 0).
/// - Throws: the first part's error, if one fails; `CancellationError` if draining took longer than
///   `settings.maximumDrain`.
public func runServices(
    _ services: [any Service], health: HealthEndpoint, settings: CommonSettings, logger: Logger
) async throws {
    let announcer = DrainAnnouncer(health: health, delay: settings.drainDelay, logger: logger)
    var services = services
    if let endpoint = settings.otlpEndpoint {
        services.insert(SpanExporter(endpoint: endpoint, service: logger.label, logger: logger), at: 0)
    }
    var configurations = services.map { ServiceGroupConfiguration.ServiceConfiguration(service: $0) }
    configurations.append(
        .init(service: announcer, successTerminationBehavior: .gracefullyShutdownGroup))
    var configuration = ServiceGroupConfiguration(
        services: configurations, gracefulShutdownSignals: [.sigterm, .sigint], logger: quietened(logger))
    configuration.maximumGracefulShutdownDuration = settings.maximumDrain
    configuration.maximumCancellationDuration = .seconds(5)
    try await ServiceGroup(configuration: configuration).run()
    logger.info("stopped")
}

/// Ends the process with exit code 0, once everything has been drained and written. With `exit`, one process in twenty
/// that was stopped right after its start crashed with SIGSEGV in the exit handlers, after "stopped".
public func endProcess() -> Never { _exit(0) }
