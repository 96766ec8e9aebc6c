import FoundationEssentials
import Glibc
import Redis
import Testing

/// A Redis of the test's own on a free loopback port, which may be killed, stalled and started again.
final class PrivateRedis: @unchecked Sendable {
    // Unchecked: a test uses it from one task; only `port` is read elsewhere.
    let port: Int
    let password: String?
    private let directory: String
    private var process: pid_t = 0

    init(password: String? = nil) async throws {
        port = try freePort()
        self.password = password
        directory = "/tmp/em-redis-test-\(getpid())-\(port)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try await start()
    }

    deinit {
        if process != 0 { kill() }
        // A temporary directory that stays behind does no harm to the next run.
        _ = try? FileManager.default.removeItem(atPath: directory)
    }

    var address: RedisAddress {
        get throws { try RedisAddress(url: "redis://\(password.map { ":\($0)@" } ?? "")127.0.0.1:\(port)/0") }
    }

    func start() async throws {
        var arguments = [
            "redis-server", "--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--dir", directory, "--logfile",
            "\(directory)/log",
        ]
        if let password { arguments += ["--requirepass", password] }
        var pointers = arguments.map { strdup($0) } + [nil]
        defer { pointers.forEach { free($0) } }
        try #require(posix_spawnp(&process, "redis-server", nil, nil, &pointers, environ) == 0)
        try await eventually("Redis listens") { canConnect(to: self.port) }
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

func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = loopback(0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    try withUnsafeMutableBytes(of: &address) { bytes in
        let pointer = try #require(bytes.baseAddress).assumingMemoryBound(to: sockaddr.self)
        try #require(bind(descriptor, pointer, size) == 0)
        try #require(getsockname(descriptor, pointer, &size) == 0)
    }
    return Int(in_port_t(bigEndian: address.sin_port))
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
