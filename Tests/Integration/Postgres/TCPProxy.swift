import Glibc
import Synchronization
import Testing

/// A TCP proxy on a free loopback port in front of the database, with the faults a network has: it can stop forwarding
/// in silence, cut every connection, refuse new ones, or (without a destination) accept and never answer.
///
/// Two threads for each connection and one that accepts, all ended by `stop()`.
final class TCPProxy: Sendable {
    private struct State {
        var sockets: [Int32] = []
        var isSilent = false
        var isRefusing = false
        var marker: [UInt8]?
        var cutsNextAnswer = false
    }

    let port: UInt16
    private let listener: Int32
    private let destination: UInt16?
    private let state = Mutex(State())

    /// - Parameter destination: the port on 127.0.0.1 to forward to; nil accepts and stays silent.
    init(to destination: UInt16?) throws {
        self.destination = destination
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withSocketAddress(&address) { bind(listener, $0, length) == 0 && listen(listener, 64) == 0 }
        try #require(isBound)
        self.listener = listener
        _ = withSocketAddress(&address) { getsockname(listener, $0, &length) }
        port = UInt16(bigEndian: address.sin_port)
        runThread { [self] in acceptConnections() }
    }

    /// Nothing passes any more, in either direction, and nobody is told.
    func fallSilent(_ isSilent: Bool = true) { state.withLock { $0.isSilent = isSilent } }

    /// Closes every connection at once.
    func cut() {
        state.withLock { state in
            state.cutsNextAnswer = false
            for socket in state.sockets { shutdown(socket, Int32(SHUT_RDWR)) }
        }
    }

    /// New connections are closed at once (and the present ones, as with a server that went down), or taken again.
    func refuse(_ isRefusing: Bool) {
        state.withLock { $0.isRefusing = isRefusing }
        if isRefusing { cut() }
    }

    /// Forwards what holds `marker` to the server, and cuts everything when its answer comes.
    func cutAnswer(to marker: String) { state.withLock { $0.marker = Array(marker.utf8) } }

    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        cut()
    }

    private func acceptConnections() {
        while true {
            let client = accept(listener, nil, nil)
            if client < 0 { break }
            if state.withLock({ $0.isRefusing }) {
                close(client)
                continue
            }
            guard let destination else {
                state.withLock { $0.sockets.append(client) }
                continue
            }
            let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = loopback(port: destination)
            let isConnected = withSocketAddress(&address) {
                connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
            guard isConnected else {
                close(server)
                close(client)
                continue
            }
            state.withLock { $0.sockets += [client, server] }
            let pair = Pair()
            runThread { [self] in
                forward(from: client, to: server, isRequest: true)
                end(pair, client, server)
            }
            runThread { [self] in
                forward(from: server, to: client, isRequest: false)
                end(pair, client, server)
            }
        }
        close(listener)
    }

    private func forward(from source: Int32, to destination: Int32, isRequest: Bool) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(source, &buffer, buffer.count, 0)
            if count <= 0 { break }
            let received = buffer[..<count]
            let (isSilent, cuts) = state.withLock { state in
                if isRequest, let marker = state.marker, received.contains(marker) {
                    state.marker = nil
                    state.cutsNextAnswer = true
                }
                return (state.isSilent, !isRequest && state.cutsNextAnswer)
            }
            if isSilent { continue }
            if cuts {
                cut()
                break
            }
            var sent = 0
            while sent < count {
                let written = buffer[sent..<count].withUnsafeBytes {
                    send(destination, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if written <= 0 { break }
                sent += written
            }
        }
        shutdown(destination, Int32(SHUT_RDWR))
    }

    /// The two directions of one connection. The second to end closes both sockets, so that no descriptor is used
    /// again under somebody's feet.
    private final class Pair: Sendable {
        let hasOneEnded = Mutex(false)
    }

    private func end(_ pair: Pair, _ client: Int32, _ server: Int32) {
        let isLast = pair.hasOneEnded.withLock { ended in
            defer { ended = true }
            return ended
        }
        guard isLast else { return }
        state.withLock { $0.sockets.removeAll { $0 == client || $0 == server } }
        close(client)
        close(server)
    }
}

extension Collection where Element: Equatable {
    fileprivate func contains(_ other: [Element]) -> Bool {
        var rest = self[...]
        while rest.count >= other.count {
            if rest.starts(with: other) { return true }
            rest = rest.dropFirst()
        }
        return false
    }
}

private func loopback(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
}

private func withSocketAddress<R>(_ address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>) -> R) -> R {
    withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) }
    }
}

private func runThread(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    pthread_create(
        &thread, nil,
        { argument in
            if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
            return nil
        }, Unmanaged.passRetained(Box(body)).toOpaque())
    pthread_detach(thread)
}
