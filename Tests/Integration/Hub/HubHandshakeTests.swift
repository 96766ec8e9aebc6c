import Domain
import Redis
import Testing

@testable import ws_hub

@Suite("Hub: handshake and frames")
struct HubHandshakeTests {
    @Test("our own origin and programs without one get a socket; another origin gets 403 and a problem")
    func origin() async throws {
        try await HubWorld.with { hub in
            let browser = try await hub.connect(origin: HubWorld.publicURL)
            #expect(browser.status == 101)
            #expect(browser.response.lowercased().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="))
            #expect(try await hub.connect().status == 101)
            for wrong in ["https://evil.example", "http://localhost:8081", "null"] {
                let refused = try await hub.connect(origin: wrong)
                #expect(refused.status == 403)
                #expect(refused.response.contains("application/problem+json"))
            }
        }
    }

    @Test("what is no WebSocket handshake gets an HTTP answer, and the other routes live on the same port")
    func otherRequests() async throws {
        try await HubWorld.with { hub in
            let old = try await WebSocketClient.connect(
                port: hub.port, headers: ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 8"],
                upgrade: false)
            #expect(old.status == 400)
            let version = try await WebSocketClient.connect(
                port: hub.port,
                headers: [
                    "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 8",
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                ], upgrade: false)
            #expect(version.status == 426)
            #expect(version.response.lowercased().contains("sec-websocket-version: 13"))
            #expect(try await WebSocketClient.connect(port: hub.port, upgrade: false).status == 426)
            #expect(try await WebSocketClient.connect(port: hub.port, path: "/elsewhere").status == 404)
            #expect(try await WebSocketClient.connect(port: hub.port, path: "/livez").status == 200)
            for path in ["/livez", "/metrics"] {
                #expect(try await WebSocketClient.connect(port: hub.port, path: path, upgrade: false).status == 200)
            }
            try await eventually("ready") {
                try await WebSocketClient.connect(port: hub.port, path: "/readyz", upgrade: false).status == 200
            }
        }
    }

    @Test("pings are answered with their payload, fragments are put together, a close is echoed")
    func protocolMatters() async throws {
        try await HubWorld.with { hub in
            let client = try await hub.connect()
            try client.frame(9, Array("hello".utf8))
            let (opcode, payload) = try await client.nextFrame(until: .now + .seconds(20))
            #expect(opcode == 10)
            #expect(payload == Array("hello".utf8))
            let text = Array(#"{"type":"subscribe","topic":"nonsense"}"#.utf8)
            try client.frame(1, Array(text[..<10]), final: false)
            try client.frame(9, [])
            try client.frame(0, Array(text[10...]))
            #expect(try await client.next().code == "unknown-topic")
            try client.frame(8, [3, 233])
            #expect(try await client.closeCode() == 1001)
        }
    }

    @Test("each way to break the protocol has its documented code, and the hub is unharmed")
    func broken() async throws {
        typealias Deed = @Sendable (WebSocketClient) throws -> Void
        let deeds: [(CloseCode, Deed)] = [
            (.protocolError, { try $0.frame(1, [123, 125], masked: false) }),
            (.protocolError, { try $0.frame(1, [], reserved: 0x40) }),
            (.protocolError, { try $0.frame(3, []) }),
            (.protocolError, { try $0.frame(0, []) }),
            (.protocolError, { try $0.frame(9, [], final: false) }),
            (.protocolError, { try $0.frame(9, [UInt8](repeating: 0, count: 126)) }),
            (.protocolError, { try $0.frame(8, [3, 237]) }),
            (.unsupportedData, { try $0.frame(2, [1]) }),
            (.invalidPayload, { try $0.frame(1, [0xC0, 0x80]) }),
            (.policy, { try $0.text("garbage") }),
            (.policy, { try $0.text(#"{"type":"dance"}"#) }),
            (.policy, { try $0.text(#"{"type":"subscribe"}"#) }),
            (.tooBig, { try $0.frame(1, [UInt8](repeating: 32, count: 9000)) }),
            (.tooBig, { try $0.send([0x81, 0xFF, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4]) }),
            (.tooMany, { try $0.burst(9, Array(repeating: [], count: 250)) }),
            (
                .tooMany,
                {
                    try $0.burst(
                        1, (0..<60).map { _ in Array(#"{"type":"subscribe","topic":"event:\#(EventID())"}"#.utf8) })
                }
            ),
        ]
        try await HubWorld.with { hub in
            let witness = try await hub.connect()
            for (code, deed) in deeds {
                let client = try await hub.connect()
                try deed(client)
                #expect(try await client.closeCode() == code.rawValue)
            }
            try await witness.answersPing()
            try await eventually("the sockets are gone") { hub.metric("hub_sockets") == 1 }
            try await eventually("the topics are gone") { hub.metric("hub_topics") == 0 }
        }
    }

    @Test("a hub that holds as many sockets as it may answers 503 with a problem, until one has left")
    func full() async throws {
        try await HubWorld.with(limits: { $0.sockets = 2 }) { hub in
            let staying = try await hub.connect()
            var leaving: WebSocketClient? = try await hub.connect()
            #expect(leaving?.status == 101)
            try await eventually("both are counted") { hub.metric("hub_sockets") == 2 }
            let refused = try await hub.connect()
            #expect(refused.status == 503)
            #expect(refused.response.contains("application/problem+json"))
            #expect(refused.response.lowercased().contains("retry-after: 5"))
            #expect(hub.metric(#"hub_handshakes_refused_total{status="503"}"#) == 1)
            try await staying.answersPing()
            leaving = nil
            try await eventually("its place is free") { hub.metric("hub_sockets") == 1 }
            #expect(try await hub.connect().status == 101)
        }
    }

    @Test("sockets beyond the bound of their address are closed, others and later ones are not")
    func perAddress() async throws {
        try await HubWorld.with(limits: { $0.socketsPerAddress = 2 }) { hub in
            func connect(_ address: String) async throws -> WebSocketClient {
                try await WebSocketClient.connect(port: hub.port, headers: ["X-Forwarded-For: \(address)"])
            }
            let first = try await connect("203.0.113.1")
            var second: WebSocketClient? = try await connect("203.0.113.1")
            #expect(second?.status == 101)
            #expect(try await connect("203.0.113.1").closeCode() == CloseCode.tooMany.rawValue)
            let other = try await connect("203.0.113.2")
            try await other.answersPing()
            second = nil
            try await eventually("its place is free") { hub.metric("hub_sockets") == 2 }
            let third = try await connect("203.0.113.1")
            try await third.answersPing()
            #expect(first.status == 101)
        }
    }

    @Test("a silent peer is pinged, then given up; one that answers stays")
    func deadPeer() async throws {
        try await HubWorld.with(limits: {
            $0.ping = .seconds(1)
            $0.dead = .seconds(5)
        }) { hub in
            let alive = try await hub.connect()
            let dead = try await hub.connect()
            async let answered = alive.next("never", within: .seconds(7))
            var pinged = false
            var code: UInt16?
            while code == nil {
                let (opcode, payload) = try await dead.nextFrame(until: .now + .seconds(20))
                if opcode == 9 { pinged = true }
                if opcode == 8 { code = UInt16(payload[0]) << 8 | UInt16(payload[1]) }
            }
            #expect(pinged)
            #expect(code == CloseCode.unresponsive.rawValue)
            do { _ = try await answered } catch { #expect(error is WebSocketClient.TimedOut) }
            try await eventually("only the living one is left") { hub.metric("hub_sockets") == 1 }
        }
    }

    @Test("a connection that never finishes its request is closed; sockets are not measured by that")
    func halfOpen() async throws {
        try await HubWorld.with(limits: { $0.handshake = .seconds(1) }) { hub in
            let patient = try await hub.connect()
            let half = try WebSocketClient(port: hub.port)
            try half.send(Array("GET /ws HTTP/1.1\r\nHost: loc".utf8))
            await #expect(throws: WebSocketClient.Closed.self) {
                _ = try await half.nextFrame(until: .now + .seconds(20))
            }
            try await patient.answersPing()
        }
    }

    @Test("at the end every socket is told to come back elsewhere")
    func restart() async throws {
        let clients = Clients()
        try await HubWorld.with { hub in
            for _ in 0..<20 { clients.add(try await hub.connect()) }
        }
        for client in clients.all { #expect(try await client.closeCode() == CloseCode.restart.rawValue) }
    }
}

/// Sockets that outlive their hub. Filled by one task, read by another after it.
private final class Clients: @unchecked Sendable {
    private(set) var all: [WebSocketClient] = []
    func add(_ client: WebSocketClient) { all.append(client) }
}
