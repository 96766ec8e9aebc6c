import ArgumentParser
import Bootstrap
import CoreMetrics
import Logging

@main
struct Main: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ticket-worker",
        abstract: "Issues the signed tickets of confirmed registrations.",
        discussion: "Settings come from the environment: EM_…, or EM_…_FILE with the path of a file.",
        version: "ticket-worker \(Build.version) (\(Build.revision))",
        subcommands: [Serve.self, Keys.self], defaultSubcommand: Serve.self)
}

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Issue tickets until SIGTERM or SIGINT.")

    func run() async throws {
        var reader = SettingsReader()
        let settings = try TicketWorkerSettings.read(&reader)
        bootstrapLogging(service: "ticket-worker", level: settings.common.logLevel)
        let metrics = PrometheusRegistry()
        metrics.exposeProcess(service: "ticket-worker")
        MetricsSystem.bootstrap(metrics)
        let logger = Logger(label: "ticket-worker")
        logger.info("starting", metadata: reader.summary)
        let worker = buildTicketWorker(settings, metrics: metrics, logger: logger)
        try await runServices(worker.services, health: worker.health, settings: settings.common, logger: logger)
        endProcess()
    }
}
