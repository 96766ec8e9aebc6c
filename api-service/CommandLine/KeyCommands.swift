import Access
import ArgumentParser
import FoundationEssentials

#if canImport(Glibc)
import Glibc
#endif

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
                try write(key.seed + "\n", to: keyPath)
            }
            let setPath = "\(directory)/\(name).jwks"
            if !FileManager.default.fileExists(atPath: setPath) {
                try write(KeySet([key.verificationKey]).json + "\n", to: setPath)
            }
        }
        print("Keys are in \(directory).")
    }

    /// Readable by its owner from the first moment on; never over a file that is there.
    private func write(_ text: String, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw KeyFileError(path: path, code: errno) }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        let written = bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard written == bytes.count else { throw KeyFileError(path: path, code: errno) }
    }
}

struct KeyFileError: Error, CustomStringConvertible {
    let path: String
    let code: Int32

    var description: String { "\(path) can't be written (errno \(code))" }
}
