#if canImport(Glibc)
import Glibc
#endif

/// Files that contain a secret: readable only by their owner from the first moment on.
public enum SecretFile {
    /// The refused system call.
    public struct Failure: Error, CustomStringConvertible {
        public let path: String
        public let code: Int32

        public var description: String { "\(path) can't be written (errno \(code))" }
    }

    /// Writes a new file; never overwrites an existing one.
    /// - Throws: ``Failure``.
    public static func write(_ text: String, to path: String) throws(Failure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure(path: path, code: errno) }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        let written = bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard written == bytes.count, fsync(descriptor) == 0 else { throw Failure(path: path, code: errno) }
    }

    /// Gives a file a second name.
    public static func link(_ path: String, as other: String) throws(Failure) {
        guard Glibc.link(path, other) == 0 || errno == EEXIST else { throw Failure(path: other, code: errno) }
    }

    /// Replaces `path` by `fresh`, atomically.
    public static func replace(_ path: String, by fresh: String) throws(Failure) {
        guard rename(fresh, path) == 0 else { throw Failure(path: path, code: errno) }
    }
}
