import FoundationEssentials
import Glibc
import Redis
import Testing

/// A Redis of the test's own on a free loopback port, which may be killed, stalled and started again.
final class PrivateRedis: @unchecked Sendable {
    // Unchecked: a test uses it from one task; only `port` is read elsewhere.
    private(set) var port = 0
    let password: String?
    private let directory = "/tmp/em-redis-test-" + UUID().uuidString.lowercased()
    private var process: pid_t = 0

    init(password: String? = nil) async throws {
        self.password = password
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        // Between the look for a free port and its use somebody else may take it: then Redis ends, and another will do.
        for _ in 0..<20 {
            port = try freePort()
            if try await startsListening() { return }
        }
        Issue.record("no port for a private Redis")
    }

    deinit {
        if process != 0 { kill() }
        // A temporary directory that stays behind does no harm to the next run.
        _ = try? FileManager.default.removeItem(atPath: directory)
    }

    var address: RedisAddress {
        get throws { try RedisAddress(url: "redis://\(password.map { ":\($0)@" } ?? "")127.0.0.1:\(port)/0") }
    }

    /// Starts it again on its port.
    func start() async throws {
        try await eventually("Redis listens again") { try await self.startsListening() }
    }

    /// False when the server ended instead of listening.
    private func startsListening() async throws -> Bool {
        var arguments = [
            "redis-server", "--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--dir", directory, "--logfile",
            "\(directory)/log",
        ]
        if let password { arguments += ["--requirepass", password] }
        var pointers = arguments.map { strdup($0) } + [nil]
        defer { pointers.forEach { free($0) } }
        try #require(posix_spawnp(&process, "redis-server", nil, nil, &pointers, environ) == 0)
        var hasEnded = false
        try await eventually("Redis listens or ends") {
            hasEnded = waitpid(self.process, nil, WNOHANG) == self.process
            return hasEnded || canConnect(to: self.port)
        }
        if hasEnded { process = 0 }
        return !hasEnded
    }

    func kill() {
        Glibc.kill(process, SIGKILL)
        Glibc.kill(process, SIGCONT)
        waitpid(process, nil, 0)
        process = 0
    }

    func stall() { Glibc.kill(process, SIGSTOP) }
    func resume() { Glibc.kill(process, SIGCONT) }
}

/// Waits for a condition with a deadline: looks every few milliseconds.
func eventually(
    _ what: String, within limit: Duration = .seconds(15), _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        try #require(ContinuousClock.now < deadline, "not within \(limit): \(what)")
        try await Task.sleep(for: .milliseconds(10))
    }
}

private func loopback(_ port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    address.sin_port = in_port_t(port).bigEndian
    return address
}

/// A loopback port that nobody has at this moment, below those that the kernel gives to outgoing connections.
func freePort() throws -> Int {
    while true {
        let port = Int.random(in: 12_000..<32_000)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port)
        let result = withUnsafeMutableBytes(of: &address) { bytes in
            bind(
                descriptor, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                socklen_t(MemoryLayout<sockaddr_in>.size))
        }
        if result == 0 { return port }
        try #require(errno == EADDRINUSE)
    }
}

func canConnect(to port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = loopback(port)
    return withUnsafeMutableBytes(of: &address) { bytes in
        guard let base = bytes.baseAddress else { return false }
        return connect(
            descriptor, base.assumingMemoryBound(to: sockaddr.self), socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
    }
}
