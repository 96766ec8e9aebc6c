import ArgumentParser
import Bootstrap
import CoreMetrics
import Logging

@main
struct Main: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notifications",
        abstract: "Sends emails and webhooks.",
        discussion: "Settings come from the environment: EM_…, or EM_…_FILE with the path of a file.",
        version: "notifications \(Build.version) (\(Build.revision))",
        subcommands: [Serve.self], defaultSubcommand: Serve.self)
}

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Send emails and webhooks until SIGTERM or SIGINT.")

    func run() async throws {
        var reader = SettingsReader()
        let settings = try NotificationsSettings(&reader)
        bootstrapLogging(service: "notifications", level: settings.common.logLevel)
        let metrics = PrometheusRegistry()
        metrics.exposeProcess(service: "notifications")
        MetricsSystem.bootstrap(metrics)
        let logger = Logger(label: "notifications")
        logger.info("starting", metadata: reader.summary)
        let notifications = try buildNotifications(settings, metrics: metrics, logger: logger)
        try await runServices(
            notifications.services, health: notifications.health, settings: settings.common, logger: logger)
        endProcess()
    }
}
