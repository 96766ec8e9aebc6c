import FoundationEssentials
import NIOPosix

/// A file that is reloaded while a service runs: a secret that can be rotated in operation.
public struct FollowedFile: Sendable {
    /// The poll interval. Whoever changes a file waits longer than this before relying on the change.
    public static let interval = Duration.seconds(5)

    private let path: String

    public init(_ path: String) { self.path = path }

    /// The text, without trailing line breaks; nil if it can't be read as UTF-8. Read on a thread that can block.
    public func text() async -> String? {
        let path = path
        do {
            return try await NIOThreadPool.singleton.runIfActive {
                guard let bytes = FileManager.default.contents(atPath: path),
                    var text = String(validating: bytes, as: UTF8.self)
                else { return nil }
                while text.last?.isNewline == true { text.removeLast() }
                return text
            }
        } catch {
            return nil
        }
    }
}
