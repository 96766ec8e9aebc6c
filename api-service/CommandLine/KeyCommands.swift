import Access
import ArgumentParser
import Bootstrap
import FoundationEssentials
import Webhooks

struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The keys that sign access tokens, tickets and webhooks.",
        subcommands: [GenerateKeys.self, RotateKeys.self])
}

struct GenerateKeys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract:
            "Write access-token.key, access-token.jwks, ticket.key, ticket.jwks and webhook.key where they are missing."
    )

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
        let webhookPath = "\(directory)/webhook.key"
        if !FileManager.default.fileExists(atPath: webhookPath) {
            try SecretFile.write(WebhookKey().text + "\n", to: webhookPath)
        }
        print("Keys are in \(directory).")
    }
}

struct RotateKeys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract: "Sign access tokens with a new key; nobody is signed out, nothing is restarted.",
        discussion: """
            Publishes the new public key in access-token.jwks beside the one in use, waits until every service has read \
            it, and then puts the new private key in the place of the old. Tokens of the old key stay good until they \
            expire; the key before that one is dropped. Where files reach the services later than written (mounted \
            secrets), wait longer. With --withdraw the old key ends at once, because it may be in the wrong hands: its \
            tokens are refused, and browsers fetch new ones by themselves. Keys of tickets: `ticket-worker keys rotate`.
            """)

    @Option(help: "Where the keys are; the services' EM_ACCESS_TOKEN_…_FILE name the files in it.") var directory:
        String
    @Option(help: "Seconds between publishing the new key and signing with it.") var overlap: Int = 15
    @Flag(help: "Accept nothing any more that the old key signed.") var withdraw = false

    func run() async throws {
        let rotation = KeyRotation(directory: directory)
        let fresh = SigningKey()
        let old = try rotation.publish(fresh.verificationKey)
        try await Task.sleep(for: .seconds(max(0, overlap)))
        try rotation.install(fresh)
        if withdraw {
            try await Task.sleep(for: .seconds(max(0, overlap)))
            try rotation.write(KeySet([fresh.verificationKey]))
        }
        print(
            "Access tokens are signed with \(fresh.verificationKey.id); \(old.id) \(withdraw ? "is withdrawn" : "stays good for what it signed")."
        )
    }
}

/// The files of a change of keys, each replaced at once.
struct KeyRotation {
    let directory: String

    private var keyPath: String { "\(directory)/access-token.key" }
    private var setPath: String { "\(directory)/access-token.jwks" }

    /// Makes a key known beside the one in use, which stays the first; answers that one.
    func publish(_ fresh: VerificationKey) throws -> VerificationKey {
        let current = try SigningKey(seed: try text(keyPath)).verificationKey
        try write(KeySet([current, fresh]))
        return current
    }

    /// Signs with it from now on.
    func install(_ key: SigningKey) throws {
        let beside = "\(keyPath).new"
        try SecretFile.write(key.seed + "\n", to: beside)
        try SecretFile.replace(keyPath, by: beside)
    }

    func write(_ set: KeySet) throws {
        let beside = "\(setPath).new"
        try SecretFile.write(set.json + "\n", to: beside)
        try SecretFile.replace(setPath, by: beside)
    }

    private func text(_ path: String) throws -> String {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw ValidationError("\(path) can't be read; `keys generate` makes it.")
        }
        return String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
    }
}
