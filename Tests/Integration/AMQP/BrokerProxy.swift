import Glibc
import Synchronization
import Testing

/// A TCP proxy on a free loopback port, to cut, stall and refuse connections with. One thread serves one connection.
final class BrokerProxy: Sendable {
    enum Mode: Sendable { case forward, stall, refuse }

    let port: Int
    private let listener: Int32
    private let target: (host: String, port: Int)
    private struct State {
        var mode = Mode.forward
        var open: Set<Int32> = []
        var accepted = 0
        var paused = false
        var closed = false
    }
    private let state = Mutex(State())

    init(to host: String, port targetPort: Int) throws {
        target = (host, targetPort)
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, size) == 0 && listen(listener, 16) == 0
                    && getsockname(listener, pointer, &size) == 0
            }
        }
        try #require(bound, "no loopback port")
        self.listener = listener
        port = Int(UInt16(bigEndian: address.sin_port))
        spawn { proxy in proxy.accept() }
    }

    /// How many connections came in so far.
    var accepted: Int { state.withLock { $0.accepted } }

    /// For the connections to come: forward them, let them hang unanswered, or drop them at once.
    func set(_ mode: Mode) { state.withLock { $0.mode = mode } }

    /// Cuts every connection that is open now.
    func cut() {
        state.withLock { state in
            for descriptor in state.open { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    /// While paused, nothing passes in either direction and no end hears of it.
    func pause(_ paused: Bool) { state.withLock { $0.paused = paused } }

    func close() {
        state.withLock { $0.closed = true }
        cut()
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private func spawn(_ body: @escaping @Sendable (BrokerProxy) -> Void) {
        var thread = pthread_t()
        final class Start: Sendable {
            let run: @Sendable () -> Void
            init(_ run: @escaping @Sendable () -> Void) { self.run = run }
        }
        let start = Start { body(self) }
        pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, Unmanaged.passRetained(start).toOpaque())
        pthread_detach(thread)
    }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            let mode = state.withLock { state in
                state.accepted += 1
                return state.closed ? nil : state.mode
            }
            guard client >= 0, let mode else { break }
            switch mode {
            case .refuse: Glibc.close(client)
            case .stall: spawn { $0.swallow(client) }
            case .forward: spawn { $0.forward(client) }
            }
        }
        Glibc.close(listener)
    }

    /// Reads and never answers.
    private func swallow(_ client: Int32) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        hold([client]) { _ in read(client, &buffer, buffer.count) > 0 }
    }

    private func forward(_ client: Int32) {
        let server = connectToTarget()
        guard server >= 0 else {
            Glibc.close(client)
            return
        }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        hold([client, server]) { proxy in
            var polled = [client, server].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            let paused = proxy.state.withLock { $0.paused }
            // A paused proxy looks for nothing but the end of its pause.
            poll(&polled, paused ? 0 : 2, 50)
            if paused { return true }
            for (from, to) in [(0, server), (1, client)] where polled[from].revents != 0 {
                let count = read(polled[from].fd, &buffer, buffer.count)
                guard count > 0 else { return false }
                var offset = 0
                while offset < count {
                    let written = buffer.withUnsafeBytes {
                        send(to, $0.baseAddress.map { $0 + offset }, count - offset, Int32(MSG_NOSIGNAL))
                    }
                    guard written > 0 else { return false }
                    offset += written
                }
            }
            return true
        }
    }

    /// Calls `step` until it says no; the descriptors can be cut meanwhile, and are closed afterwards.
    private func hold(_ descriptors: [Int32], _ step: (BrokerProxy) -> Bool) {
        state.withLock { $0.open.formUnion(descriptors) }
        while step(self) {}
        // Under the lock: `cut` must not shut down a number that is somebody else's by now.
        state.withLock { state in
            state.open.subtract(descriptors)
            for descriptor in descriptors { Glibc.close(descriptor) }
        }
    }

    private func connectToTarget() -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(target.host, "\(target.port)", &hints, &found) == 0, let found else { return -1 }
        defer { freeaddrinfo(found) }
        let server = socket(found.pointee.ai_family, Int32(SOCK_STREAM.rawValue), 0)
        guard connect(server, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0 else {
            Glibc.close(server)
            return -1
        }
        return server
    }
}
