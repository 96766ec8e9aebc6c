import ArgumentParser
import Bootstrap
import CoreMetrics
import Logging

@main
struct NotificationsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notifications", abstract: "Writes to people about their registrations.",
        version: Build.version, subcommands: [Serve.self], defaultSubcommand: Serve.self)
}

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serve until SIGTERM (the default).")

    func run() async throws {
        var reader = SettingsReader()
        let settings = try NotificationsSettings(&reader)
        bootstrapLogging(service: "notifications", level: settings.common.logLevel)
        let metrics = PrometheusRegistry()
        metrics.exposeProcess(service: "notifications")
        MetricsSystem.bootstrap(metrics)
        let logger = Logger(label: "notifications")
        logger.info("starting", metadata: reader.summary)
        try await NotificationsService(settings, metrics: metrics, logger: logger).run()
    }
}
