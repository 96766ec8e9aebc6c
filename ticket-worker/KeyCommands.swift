import Access
import ArgumentParser
import Bootstrap
import Domain
import FoundationEssentials
import Logging
import Persistence
import Postgres

struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Manage the keys that sign tickets.",
        discussion: """
            To rotate the key: `rotate` publishes the new public key and replaces the private key; then restart the \
            ticket-workers one at a time. Tickets signed with the old key stay valid until you `retire` it.
            """,
        subcommands: [ListKeys.self, RotateKey.self, RetireKey.self])

    /// The database in EM_DATABASE_URL, closed at the end.
    static func withStore<Result>(_ body: (TicketKeyStore) async throws -> Result) async throws -> Result {
        var reader = SettingsReader()
        let url = reader.url("EM_DATABASE_URL") { try DatabaseSettings(url: $0) }
        try reader.finish()
        bootstrapLogging(service: "ticket-worker", level: .warning)
        let database = Database(url.value, logger: Logger(label: "ticket-worker"))
        do {
            let result = try await body(TicketKeyStore(database))
            await database.close()
            return result
        } catch {
            await database.close()
            throw error
        }
    }
}

struct ListKeys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the published keys, most recently used first.")

    func run() async throws {
        for key in try await Keys.withStore({ try await $0.list() }) {
            let state = key.retiredAt.map { "retired \(Timestamp.text($0))" } ?? "in use"
            print(
                "\(key.id)  published \(Timestamp.text(key.publishedAt))  last start \(Timestamp.text(key.usedAt))  \(state)"
            )
        }
    }
}

struct RotateKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract:
            "Create a key, publish its public half, and replace the current key, which is kept in a second file.")

    @Option(help: "The file in EM_TICKET_KEY_FILE.") var file: String

    func run() async throws {
        let key = SigningKey()
        let id = Hexadecimal.encode(key.verificationKey.shortID)
        // Published before anyone can sign with it.
        try await Keys.withStore { try await $0.publish(id, key.verificationKey.rawKey) }
        let fresh = "\(file).new"
        try SecretFile.write(key.seed + "\n", to: fresh)
        if let bytes = FileManager.default.contents(atPath: file) {
            let old = try SigningKey(seed: String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace })
            try SecretFile.link(file, as: "\(file).\(Hexadecimal.encode(old.verificationKey.shortID))")
        }
        try SecretFile.replace(file, by: fresh)
        print("The new key is \(id). Restart the ticket-workers to sign with it.")
    }
}

struct RetireKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retire", abstract: "Reject all tickets signed with this key.")

    @Argument(help: "Its eight hexadecimal digits, as `list` shows them.") var id: String

    func run() async throws {
        guard try await Keys.withStore({ try await $0.retire(id) }) else {
            throw ValidationError("No such key is in use.")
        }
        print("The key \(id) is retired.")
    }
}
