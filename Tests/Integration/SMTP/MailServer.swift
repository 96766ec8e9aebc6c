import FoundationEssentials
import Glibc

/// An SMTP server of the test's own: Debian's `aiosmtpd`, hence Debian's Python, in a child process on a free loopback
/// port.
///
/// The recipient's local part says how it behaves: `defer` 451, `flaky` 450 the first time, `refuse` 550, `hang` never
/// answers the text, `drop` hangs up after it, `slow` takes a second; everyone else's mail is taken at once, but at
/// `tarpit.example`, where nobody gets an answer before somebody has written to `release`. What is
/// taken is parsed with Python's `email` and reported as one line of JSON.
///
/// `@unchecked Sendable`: all is constant after `init` but `buffered`, which only the one test that owns the server
/// reads.
final class MailServer: @unchecked Sendable {
    private(set) var port = 0
    private let process: pid_t
    private let output: Int32
    private let directory: URL
    private var buffered: [UInt8] = []

    /// From the first byte (`smtps`), or when asked for.
    enum TLS: String { case off, implicit, startTLS }

    /// Starts the server; with TLS its certificate is one that `authorities` vouches for.
    init(tls: TLS = .off) throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("em-mail-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let script = directory.appendingPathComponent("server.py")
        try Data(mailServerScript.utf8).write(to: script)
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Failure.start }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addclose(&actions, ends[0])
        let arguments = ["/usr/bin/python3", script.path, tls.rawValue, directory.path]
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        var child: pid_t = 0
        let status = posix_spawn(&child, "/usr/bin/python3", &actions, nil, &argv, environ)
        close(ends[1])
        guard status == 0 else { throw Failure.start }
        process = child
        output = ends[0]
        // From here on `deinit` cleans up, whether or not the server says its port.
        let line = try Self.line(from: output, buffered: &buffered)
        guard let port = Int(String(decoding: line, as: UTF8.self)) else { throw Failure.start }
        self.port = port
    }

    deinit {
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
        close(output)
        do { try FileManager.default.removeItem(at: directory) } catch { print("left behind: \(directory.path)") }
    }

    enum Failure: Error { case start, timedOut, ended }

    /// Where the server's certificate lies.
    var authorities: String { directory.appendingPathComponent("cert.pem").path }

    /// The next mail the server took; waits for it.
    func nextMail(within limit: Duration = .seconds(10)) throws -> ReceivedMail {
        let line = try Self.line(from: output, buffered: &buffered, within: limit)
        return try JSONDecoder().decode(ReceivedMail.self, from: Data(line))
    }

    private static func line(from output: Int32, buffered: inout [UInt8], within limit: Duration = .seconds(10)) throws
        -> [UInt8]
    {
        let deadline = ContinuousClock.now + limit
        while true {
            if let end = buffered.firstIndex(of: 0x0A) {
                defer { buffered.removeFirst(end + 1) }
                return Array(buffered[..<end])
            }
            let left = Int32((deadline - ContinuousClock.now) / .milliseconds(1))
            var readable = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            guard left > 0, poll(&readable, 1, left) > 0 else { throw Failure.timedOut }
            var chunk = [UInt8](repeating: 0, count: 65_536)
            let count = read(output, &chunk, chunk.count)
            guard count > 0 else { throw Failure.ended }
            buffered += chunk[..<count]
        }
    }
}

/// A mail as the server's `email` parser saw it.
struct ReceivedMail: Decodable {
    struct Part: Decodable {
        var type: String
        var params: [String: String]
        var disposition: String?
        var filename: String?
        var cid: String?
        var text: String?
        var base64: String?
        var children: [Part]?

        /// `mixed(alternative(plain,html))`, by subtypes.
        var shape: String {
            let name = type.split(separator: "/").last.map(String.init) ?? type
            guard let children else { return name }
            return "\(name)(\(children.map(\.shape).joined(separator: ",")))"
        }
    }

    var sender: String
    var recipients: [String]
    var headers: [String: String]
    var rawHeaders: String
    var defects: [String]
    var tls: Bool
    var peerPort: Int
    var longestLine: Int
    var root: Part
}

/// A listening socket that nobody accepts from: the kernel completes the connection, and then nothing is ever said.
final class SilentServer: Sendable {
    let port: Int
    private let socketDescriptor: Int32

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 8) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard bound else { throw MailServer.Failure.start }
        socketDescriptor = descriptor
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(socketDescriptor) }
}
