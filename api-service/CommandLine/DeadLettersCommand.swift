import AMQP
import ArgumentParser
import Bootstrap
import Domain
import FoundationEssentials
import Logging
import Messaging
import Persistence

struct DeadLettersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters",
        abstract: "List, replay or discard the messages that workers parked.",
        discussion: "Uses EM_DATABASE_URL and EM_AMQP_URL. Changes are audited, without an actor.",
        subcommands: [List.self, Show.self, Replay.self, Discard.self], defaultSubcommand: List.self)

    /// Connects to the parked messages, for one command.
    static func withParkedMessages<Result: Sendable>(
        _ body: @escaping (ParkedMessages) async throws -> Result
    ) async throws -> Result {
        var reader = SettingsReader()
        let address = reader.url("EM_AMQP_URL") { try BrokerAddress(url: $0) }
        _ = APISettings.databaseSettings("EM_DATABASE_URL", &reader)
        try reader.finish()
        return try await withDatabase("EM_DATABASE_URL") { database, logger in
            let publisher = Publisher(
                address.value, name: "api-service.dead-letters", topology: .emConnect, logger: logger)
            let parked = ParkedMessages(
                broker: address.value, publisher: publisher, store: DeadLetterStore(database), logger: logger)
            do {
                let result = try await body(parked)
                await publisher.close()
                return result
            } catch {
                await publisher.close()
                throw error
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List one per line, by queue, oldest first.")

        @Option(help: "Only of this worker's queue, for example notifications.mail.") var queue: String?

        func run() async throws {
            let (letters, total) = try await DeadLettersCommand.withParkedMessages { try await $0.list(in: queue) }
            for letter in letters.map(DeadLetterJSON.init) {
                let fields = [
                    letter.id, letter.queue, letter.reason, "attempts \(letter.attempts)",
                    letter.lastFailedAt.map(Timestamp.text) ?? "-", letter.type ?? "-", letter.messageId ?? "-",
                ]
                print(fields.joined(separator: "  "))
            }
            print(total == 0 ? "No dead letters." : "\(letters.count) of \(total).")
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one as JSON.")

        @Argument(help: "Its id, from the list.") var id: String

        func run() async throws {
            let wanted = try identity(id)
            let (letters, _) = try await DeadLettersCommand.withParkedMessages { try await $0.list() }
            guard let letter = letters.first(where: { $0.id == wanted }) else { throw NoSuchLetter() }
            print(String(decoding: try WireJSON.encode(DeadLetterJSON(letter)), as: UTF8.self))
        }
    }

    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Replay them: return them to their workers, with their message ids.")

        @Argument(help: "Their ids, from the list.") var ids: [String]

        func run() async throws {
            try await take(ids, "replayed") { try await $0.replay($1, by: nil) }
        }
    }

    struct Discard: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Discard them.")

        @Argument(help: "Their ids, from the list.") var ids: [String]

        func run() async throws {
            try await take(ids, "discarded") { try await $0.discard($1, by: nil) }
        }
    }
}

private func identity(_ text: String) throws -> UUID {
    guard let id = UUID(uuidString: text) else { throw ValidationError("\(text) is not the id of a parked message.") }
    return id
}

private func take(
    _ ids: [String], _ done: String, _ action: @escaping (ParkedMessages, UUID) async throws -> Bool
) async throws {
    let wanted = try ids.map(identity)
    try await DeadLettersCommand.withParkedMessages { parked in
        for id in wanted {
            guard try await action(parked, id) else { throw NoSuchLetter() }
            print("\(id.uuidString.lowercased())  \(done)")
        }
    }
}

private struct NoSuchLetter: Error, CustomStringConvertible {
    var description: String { "There is no such dead letter." }
}
