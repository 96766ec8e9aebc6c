import Glibc
import Synchronization

/// A server on a loopback address that answers each request as its path says, on threads of its own.
///
/// `/status/503` that status · `/retry/7` 503 with Retry-After · `/redirect?to` 302 to what follows · `/endless` a body
/// that does not end · `/heads` a head that does not end · `/silent` nothing · `/drip` a body that comes now and then · `/broken/…` 200, and then not what it should be · `/hang-up` the end of the connection. Everything
/// else gets 200 and says what it heard.
///
/// `@unchecked Sendable`: constant after `init` but for what `state` guards. The accepting thread keeps it alive until
/// `stop`.
final class ScriptedServer: @unchecked Sendable {
    private struct State {
        var connections = 0
        var requests: [String] = []
    }

    let address: String
    let port: Int
    private let listener: CInt
    private let state = Mutex(State())

    var connections: Int { state.withLock { $0.connections } }
    /// Head and body of each, as they came.
    var requests: [String] { state.withLock { $0.requests } }

    struct NoSocket: Error {}

    /// - Parameter address: of 127.0.0.0/8.
    init(_ address: String) throws {
        let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        guard listener >= 0, inet_pton(AF_INET, address, &place.sin_addr) == 1 else { throw NoSocket() }
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &place) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard isBound else { throw NoSocket() }
        self.address = address
        self.listener = listener
        port = Int(UInt16(bigEndian: place.sin_port))
        Self.thread { [self] in
            while true {
                let connection = accept(listener, nil, nil)
                if connection < 0 { break }
                state.withLock { $0.connections += 1 }
                Self.thread { [self] in
                    serve(connection)
                    close(connection)
                }
            }
            // Here, where nobody waits on it any more: its number could be another socket's at once.
            close(listener)
        }
    }

    func url(_ path: String) -> String { "http://\(address):\(port)\(path)" }

    func stop() { shutdown(listener, CInt(SHUT_RDWR)) }

    private func serve(_ connection: CInt) {
        var received: [UInt8] = []
        while let request = Self.request(from: connection, &received) {
            state.withLock { $0.requests.append(request) }
            guard answer(request, on: connection) else { return }
        }
    }

    /// False when the connection is to end.
    private func answer(_ request: String, on connection: CInt) -> Bool {
        let target = request.split(separator: " ").dropFirst().first ?? "/"
        let word = target.split(separator: "/").last.map(String.init) ?? ""
        switch target {
        case "/silent": return Self.wait(connection)
        case "/hang-up": return false
        case "/endless": return endlessly(connection, String(repeating: "x", count: 1000), pause: 0)
        case "/heads": return endlessly(connection, "X-More: and more\r\n", pause: 0, head: "HTTP/1.1 200 OK\r\n")
        case "/drip": return endlessly(connection, "x", pause: 50_000)
        case "/broken/short": return breakOff("Content-Length: 500\r\n\r\nhalf", connection)
        case "/broken/chunks": return breakOff("Transfer-Encoding: chunked\r\n\r\nnonsense\r\n", connection)
        case "/broken/gzip": return breakOff("Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nxyz", connection)
        case "/broken/no-head": return breakOff("X-More: and", connection)
        default: break
        }
        if target.hasPrefix("/redirect?") {
            return Self.send(
                "HTTP/1.1 302 Found\r\nLocation: \(target.dropFirst(10))\r\nContent-Length: 0\r\n\r\n", connection)
        }
        if target.hasPrefix("/retry/") {
            return Self.send("HTTP/1.1 503 Busy\r\nRetry-After: \(word)\r\nContent-Length: 4\r\n\r\nbusy", connection)
        }
        let status = target.hasPrefix("/status/") ? word : "200"
        return Self.send("HTTP/1.1 \(status) Said\r\nContent-Length: 5\r\n\r\nheard", connection)
    }

    private func breakOff(_ rest: String, _ connection: CInt) -> Bool {
        _ = Self.send("HTTP/1.1 200 OK\r\n" + rest, connection)
        return false
    }

    private func endlessly(
        _ connection: CInt, _ piece: String, pause: UInt32,
        head: String = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
    ) -> Bool {
        guard Self.send(head, connection) else { return false }
        while Self.send(piece, connection) { if pause > 0 { usleep(pause) } }
        return false
    }

    /// Until the other side hangs up.
    private static func wait(_ connection: CInt) -> Bool {
        var byte: UInt8 = 0
        _ = recv(connection, &byte, 1, 0)
        return false
    }

    private static func send(_ text: String, _ connection: CInt) -> Bool {
        let bytes = Array(text.utf8)
        return Glibc.send(connection, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count
    }

    private static func request(from connection: CInt, _ received: inout [UInt8]) -> String? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let text = String(decoding: received, as: UTF8.self)
            if let end = text.firstRange(of: "\r\n\r\n") {
                let head = text[..<end.lowerBound]
                let length =
                    head.split(separator: "\r\n").compactMap { line in
                        line.lowercased().hasPrefix("content-length:")
                            ? Int(line.dropFirst(15).filter(\.isNumber)) : nil
                    }.first ?? 0
                let whole = head.utf8.count + 4 + length
                if received.count >= whole {
                    defer { received.removeFirst(whole) }
                    return String(decoding: received[..<whole], as: UTF8.self)
                }
            }
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            received += buffer[..<count]
            // Somebody wants to speak TLS.
            if received.first == 0x16 { return nil }
        }
    }

    private static func thread(_ body: @escaping @Sendable () -> Void) {
        final class Start {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue().body()
                return nil
            }, Unmanaged.passRetained(Start(body)).toOpaque())
        pthread_detach(thread)
    }
}
