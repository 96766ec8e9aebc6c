import FoundationEssentials
import Glibc
import Testing

/// A WebSocket client on a plain blocking socket, which can also misbehave: every byte is under the test's control.
///
/// Reads wait at most until a deadline, and never block their thread: the hub under test needs it too.
/// Unchecked Sendable because one task at a time uses it.
final class WebSocketClient: @unchecked Sendable {
    struct Closed: Error, Equatable {
        let code: UInt16?
    }
    struct TimedOut: Error {}

    /// The status line and headers of the handshake's answer.
    private(set) var response = ""
    private let descriptor: CInt
    private var received: [UInt8] = []

    /// A connection that has said nothing yet.
    init(port: Int, receiveBuffer: CInt? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<CInt>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        address.sin_port = in_port_t(port).bigEndian
        let result = withUnsafeMutableBytes(of: &address) { bytes in
            Glibc.connect(
                descriptor, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                socklen_t(MemoryLayout<sockaddr_in>.size))
        }
        try #require(result == 0)
    }

    /// Sends a request and reads the head of its answer.
    /// - Parameter receiveBuffer: a small kernel buffer makes a slow reader out of this client.
    static func connect(
        port: Int, path: String = "/ws", origin: String? = nil, headers: [String] = [], upgrade: Bool = true,
        receiveBuffer: CInt? = nil
    ) async throws -> WebSocketClient {
        let client = try WebSocketClient(port: port, receiveBuffer: receiveBuffer)
        var lines = ["GET \(path) HTTP/1.1", "Host: localhost"]
        if upgrade {
            lines += [
                "Upgrade: websocket", "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            ]
        }
        if let origin { lines.append("Origin: \(origin)") }
        try client.send(Array(((lines + headers).joined(separator: "\r\n") + "\r\n\r\n").utf8))
        client.response = try await client.readHead()
        return client
    }

    deinit { close(descriptor) }

    var status: Int { response.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0 }

    // MARK: Sending

    func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Closed(code: nil) }
            rest = rest.dropFirst(count)
        }
    }

    /// One frame; masked as a client must, unless a test wants otherwise.
    func frame(_ opcode: UInt8, _ payload: [UInt8], final: Bool = true, reserved: UInt8 = 0, masked: Bool = true) throws
    {
        try send(Self.encoded(opcode, payload, final: final, reserved: reserved, masked: masked))
    }

    /// Frames in one write: the server reads them in one turn, however slow this client is.
    func burst(_ opcode: UInt8, _ payloads: [[UInt8]]) throws {
        try send(payloads.flatMap { Self.encoded(opcode, $0) })
    }

    private static func encoded(
        _ opcode: UInt8, _ payload: [UInt8], final: Bool = true, reserved: UInt8 = 0, masked: Bool = true
    ) -> [UInt8] {
        var bytes: [UInt8] = [(final ? 0x80 : 0) | reserved | opcode]
        let maskBit: UInt8 = masked ? 0x80 : 0
        if payload.count < 126 {
            bytes.append(maskBit | UInt8(payload.count))
        } else {
            bytes += [maskBit | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        }
        if masked {
            let key: [UInt8] = [1, 2, 3, 4]
            bytes += key + payload.enumerated().map { $1 ^ key[$0 % 4] }
        } else {
            bytes += payload
        }
        return bytes
    }

    func text(_ text: String) throws { try frame(1, Array(text.utf8)) }

    func subscribe(_ topic: String) throws { try text(#"{"type":"subscribe","topic":"\#(topic)"}"#) }

    // MARK: Receiving

    /// The next message as JSON; answers pings on the way. Throws ``Closed`` at a close frame or the connection's end.
    func next(within limit: Duration = .seconds(20)) async throws -> ServerFrame {
        let deadline = ContinuousClock.now + limit
        while true {
            let (opcode, payload) = try await nextFrame(until: deadline)
            switch opcode {
            case 1: return try JSONDecoder().decode(ServerFrame.self, from: Data(payload))
            case 8:
                let code = payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : nil
                throw Closed(code: code)
            case 9: try frame(10, payload)
            default: break
            }
        }
    }

    /// Skips what is of another type.
    func next(_ type: String, within limit: Duration = .seconds(20)) async throws -> ServerFrame {
        let deadline = ContinuousClock.now + limit
        while true {
            let frame = try await next(within: deadline - .now)
            if frame.type == type { return frame }
        }
    }

    /// Reads until the server closes; returns its code.
    func closeCode(within limit: Duration = .seconds(20)) async throws -> UInt16? {
        let deadline = ContinuousClock.now + limit
        do {
            while true { _ = try await next(within: deadline - .now) }
        } catch let closed as Closed {
            return closed.code
        }
    }

    /// Throws when the server has closed, or does not answer in time.
    func answersPing(within limit: Duration = .seconds(20)) async throws {
        let deadline = ContinuousClock.now + limit
        try frame(9, [])
        while try await nextFrame(until: deadline).0 != 10 {}
    }

    /// Any frame, opcode and payload.
    func nextFrame(until deadline: ContinuousClock.Instant) async throws -> (UInt8, [UInt8]) {
        while true {
            if let frame = parse() { return frame }
            guard ContinuousClock.now < deadline else { throw TimedOut() }
            if try !readSome() { try await Task.sleep(for: .milliseconds(2)) }
        }
    }

    private func parse() -> (UInt8, [UInt8])? {
        guard received.count >= 2 else { return nil }
        var (length, start) = (Int(received[1] & 0x7F), 2)
        if length == 126 {
            guard received.count >= 4 else { return nil }
            (length, start) = (Int(received[2]) << 8 | Int(received[3]), 4)
        } else if length == 127 {
            guard received.count >= 10 else { return nil }
            (length, start) = (received[2..<10].reduce(0) { $0 << 8 | Int($1) }, 10)
        }
        guard received.count >= start + length else { return nil }
        defer { received.removeFirst(start + length) }
        return (received[0] & 0x0F, Array(received[start..<start + length]))
    }

    /// False when nothing is there yet.
    private func readSome() throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, CInt(MSG_DONTWAIT))
        if count > 0 {
            received += buffer[..<count]
            return true
        }
        guard count < 0, errno == EAGAIN || errno == EINTR else { throw Closed(code: nil) }
        return false
    }

    private func readHead() async throws -> String {
        let deadline = ContinuousClock.now + .seconds(20)
        let end = Array("\r\n\r\n".utf8)
        while ContinuousClock.now < deadline {
            if let range = received.firstRange(of: end) {
                defer { received.removeSubrange(..<range.upperBound) }
                return String(decoding: received[..<range.lowerBound], as: UTF8.self)
            }
            if try !readSome() { try await Task.sleep(for: .milliseconds(2)) }
        }
        throw TimedOut()
    }
}

/// The fields that the server's frames can have.
struct ServerFrame: Decodable, Equatable {
    struct Counts: Decodable, Equatable {
        var revision: Int
        var confirmed: Int
        var waitlisted: Int
        var capacity: Int
    }
    struct CheckIn: Decodable, Equatable {
        var ticketId: String
        var gate: String?
    }
    var type: String
    var topic: String?
    var id: String?
    var lastAnnouncement: String?
    var snapshot: Counts?
    var revision: Int?
    var confirmed: Int?
    var version: Int?
    var status: String?
    var code: String?
    var title: String?
    var eventId: String?
    var registrationId: String?
    var position: Int?
    var checkedIn: Int?
    var last: [CheckIn]?
    var retrying: Int?
    var failed: Int?
    var expiresAt: String?
}
