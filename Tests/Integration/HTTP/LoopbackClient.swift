import Dispatch
import Domain
import FoundationEssentials
import Glibc
import TestSupport

/// What a server answered.
struct Answer: Sendable {
    var status: Int
    /// By lower-case name.
    var headers: [String: String]
    var body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The body as JSON; `null` when it isn't.
    var json: JSONValue {
        do { return try WireJSON.decode(JSONValue.self, from: body) } catch { return .null }
    }

    subscript(_ key: String) -> JSONValue? {
        if case .object(let object) = json { object[key] } else { nil }
    }

    func string(_ key: String) -> String? {
        if case .string(let text)? = self[key] { text } else { nil }
    }

    func int(_ key: String) -> Int? {
        if case .integer(let number)? = self[key] { number } else { nil }
    }

    /// The problem's type, if this is a problem document.
    var problem: String? {
        headers["content-type"] == "application/problem+json" ? string("type") : nil
    }

    /// The fields that a problem complains about.
    var fields: [String] {
        guard case .array(let errors)? = self["errors"] else { return [] }
        return errors.compactMap { error in
            guard case .object(let object) = error, case .string(let field)? = object["field"] else { return nil }
            return field
        }
    }
}

/// Just enough HTTP/1.1 for tests against our own server: one connection a request, any bytes at all.
struct LoopbackClient: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let port: Int

    func get(_ path: String, token: String? = nil, headers: [String: String] = [:]) async throws -> Answer {
        try await send("GET", path, token: token, headers: headers)
    }

    func post(
        _ path: String, _ json: String? = nil, token: String? = nil, headers: [String: String] = [:]
    ) async throws -> Answer {
        try await send("POST", path, token: token, headers: headers, body: json.map { Array($0.utf8) })
    }

    func patch(
        _ path: String, _ json: String, token: String? = nil, headers: [String: String] = [:]
    ) async throws -> Answer {
        try await send("PATCH", path, token: token, headers: headers, body: Array(json.utf8))
    }

    func put(_ path: String, _ json: String, token: String? = nil) async throws -> Answer {
        try await send("PUT", path, token: token, body: Array(json.utf8))
    }

    func delete(_ path: String, token: String? = nil) async throws -> Answer {
        try await send("DELETE", path, token: token)
    }

    func send(
        _ method: String, _ path: String, token: String? = nil, headers: [String: String] = [:], body: [UInt8]? = nil
    ) async throws -> Answer {
        var fields = ["Host": "localhost", "Connection": "close"]
        if let token { fields["Authorization"] = "Bearer \(token)" }
        if let body {
            fields["Content-Length"] = "\(body.count)"
            fields["Content-Type"] = "application/json"
        }
        fields.merge(headers) { $1 }
        let head = "\(method) \(path) HTTP/1.1\r\n" + fields.map { "\($0): \($1)\r\n" }.joined() + "\r\n"
        return try Self.parse(try await exchange(Array(head.utf8) + (body ?? [])))
    }

    /// Blocking calls, on a thread of Dispatch's. A queue of its own gets one at once; of the global queue's, the server
    /// under test needs some itself.
    private func exchange(_ request: [UInt8]) async throws -> [UInt8] {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue(label: "exchange").async {
                continuation.resume(with: Result { try blockingExchange(request) })
            }
        }
    }

    private func blockingExchange(_ request: [UInt8]) throws -> [UInt8] {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(description: "socket: \(errno)") }
        defer { close(descriptor) }
        // A server that hangs is found out; one on a busy machine is waited for.
        var timeout = timeval(tv_sec: 120, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Failure(description: "connect: \(errno)") }
        var rest = request[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            // The server may refuse a long body before it has all of it; its answer is there to be read.
            guard written > 0 else { break }
            rest = rest.dropFirst(written)
        }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count <= 0 { break }
            answer += buffer[..<count]
        }
        return answer
    }

    private static func parse(_ bytes: [UInt8]) throws -> Answer {
        let separator = Array("\r\n\r\n".utf8)
        guard let end = bytes.firstRange(of: separator) else {
            throw Failure(description: "no answer: \(bytes.count) bytes")
        }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw Failure(description: "no status line")
        }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " }) }
        }
        var body = Array(bytes[end.upperBound...])
        if headers["transfer-encoding"] == "chunked" { body = try unchunked(body) }
        return Answer(status: status, headers: headers, body: body)
    }

    private static func unchunked(_ bytes: [UInt8]) throws -> [UInt8] {
        var rest = bytes[...]
        var body: [UInt8] = []
        while let line = rest.firstRange(of: Array("\r\n".utf8)) {
            guard let size = Int(String(decoding: rest[..<line.lowerBound], as: UTF8.self), radix: 16) else { break }
            if size == 0 { return body }
            let start = line.upperBound
            guard rest.endIndex >= start + size + 2 else { break }
            body += rest[start..<start + size]
            rest = rest[(start + size + 2)...]
        }
        throw Failure(description: "a chunk is cut short")
    }
}
