import Access
import ArgumentParser
import Bootstrap
import FoundationEssentials
import Webhooks

struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Manage the keys that sign access tokens, tickets and webhooks.",
        subcommands: [GenerateKeys.self, RotateKeys.self])
}

struct GenerateKeys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract:
            "Create access-token.key, access-token.jwks, ticket.key, ticket.jwks and webhook.key where they are missing."
    )

    @Option(help: "Where to write them; created if missing, accessible to its owner only.") var directory: String

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
        abstract: "Sign access tokens with a new key, without signing anyone out or restarting anything.",
        discussion: """
            Publishes the new public key in access-token.jwks alongside the current one, waits until every service has \
            reloaded it, and then replaces the private key. Tokens signed with the old key stay valid until they expire; \
            the key before that one is removed. Where files reach the services with a delay (mounted secrets), increase \
            --overlap. With --withdraw, for a leaked key, the old key is removed at once: its tokens are refused, and \
            browsers get new ones automatically. For ticket keys, use `ticket-worker keys rotate`.
            """)

    @Option(help: "The directory of the keys; the services' EM_ACCESS_TOKEN_…_FILE point to its files.") var directory:
        String
    @Option(help: "Seconds between publishing the new key and signing with it.") var overlap: Int = 15
    @Flag(help: "Reject everything that the old key signed, at once.") var withdraw = false

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

/// The files of a key rotation, each replaced atomically.
struct KeyRotation {
    let directory: String

    private var keyPath: String { "\(directory)/access-token.key" }
    private var setPath: String { "\(directory)/access-token.jwks" }

    /// Publishes a key alongside the current one, which stays first; returns the current one.
    func publish(_ fresh: VerificationKey) throws -> VerificationKey {
        let current = try SigningKey(seed: try text(keyPath)).verificationKey
        try write(KeySet([current, fresh]))
        return current
    }

    /// Makes it the signing key.
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
            throw ValidationError("\(path) can't be read; `keys generate` creates it.")
        }
        return String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
    }
}
