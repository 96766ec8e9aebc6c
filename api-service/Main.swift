import ArgumentParser
import Bootstrap
import CoreMetrics
import Logging

@main
struct Main: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "api-service",
        abstract: "The HTTP API of EM-Connect, and its administrative commands.",
        discussion: "Settings come from the environment: EM_…, or EM_…_FILE with the path of a file.",
        version: "api-service \(Build.version) (\(Build.revision))",
        subcommands: [
            Serve.self, Migrate.self, CreateAdmin.self, Verify.self, AuditCommand.self,
            DeadLettersCommand.self, Reconcile.self,
            SeedDemoCommand.self, Keys.self,
        ],
        defaultSubcommand: Serve.self)
}

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serve requests until SIGTERM or SIGINT.")

    func run() async throws {
        var reader = SettingsReader()
        let settings = try APISettings.read(&reader)
        bootstrapLogging(service: "api-service", level: settings.common.logLevel)
        let metrics = PrometheusRegistry()
        metrics.exposeProcess(service: "api-service")
        MetricsSystem.bootstrap(metrics)
        let logger = Logger(label: "api-service")
        logger.info("starting", metadata: reader.summary)
        let service = try await buildAPIService(settings, metrics: metrics, logger: logger)
        try await runServices(
            service.services + [service.application], health: service.health, settings: settings.common,
            logger: logger)
        endProcess()
    }
}
