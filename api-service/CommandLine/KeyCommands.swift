import Access
import ArgumentParser
import Bootstrap
import FoundationEssentials

struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The keys that sign access tokens and tickets.", subcommands: [GenerateKeys.self])
}

struct GenerateKeys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Write access-token.key, access-token.jwks, ticket.key and ticket.jwks where they are missing.")

    @Option(help: "Where to write them; made if missing, for its owner only.") var directory: String

    func run() async throws {
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        for name in ["access-token", "ticket"] {
            let keyPath = "\(directory)/\(name).key"
            let key: SigningKey
            if let bytes = FileManager.default.contents(atPath: keyPath) {
                key = try SigningKey(seed: String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace })
            } else {
                key = SigningKey()
                try SecretFile.write(key.seed + "\n", to: keyPath)
            }
            let setPath = "\(directory)/\(name).jwks"
            if !FileManager.default.fileExists(atPath: setPath) {
                try SecretFile.write(KeySet([key.verificationKey]).json + "\n", to: setPath)
            }
        }
        print("Keys are in \(directory).")
    }
}
