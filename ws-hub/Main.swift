import ArgumentParser
import Bootstrap
import Logging

@main
struct HubCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ws-hub", abstract: "Sends live updates to browsers over WebSocket.", version: Build.version,
        subcommands: [Serve.self], defaultSubcommand: Serve.self)
}

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serve until SIGTERM (the default).")

    func run() async throws {
        var reader = SettingsReader()
        let settings = try HubSettings(&reader)
        bootstrapLogging(service: "ws-hub", level: settings.common.logLevel)
        let logger = Logger(label: "ws-hub")
        logger.info("starting", metadata: reader.summary)
        try await HubService(settings, logger: logger).run()
        endProcess()
    }
}
