import Domain
import Synchronization
import Testing

@testable import OutgoingHTTP

@Suite("Requests to other people's servers", .timeLimit(.minutes(2)))
struct HTTPSenderTests {
    private static let ours = AddressRange("127.77.0.0/16")

    /// Lets 127.77.0.0/16 through, and nothing else.
    private func sender(timeout: Duration = .seconds(10), underWay: Int = 64) -> HTTPSender {
        var limits = OutgoingLimits()
        limits.timeout = timeout
        limits.underWay = underWay
        return HTTPSender(limits) { address, _ in Self.ours?.contains(address) ?? false }
    }

    private func request(_ url: String, _ body: String = "{}") -> OutgoingRequest {
        OutgoingRequest(
            url: url, headers: [("content-type", "application/json"), ("webhook-id", "x")], body: Array(body.utf8))
    }

    private func failure(_ sender: HTTPSender, _ url: String) async -> OutgoingError? {
        do throws(OutgoingError) {
            _ = try await sender.post(request(url))
            return nil
        } catch { return error }
    }

    @Test("a request arrives as it is, and its answer comes back; the connection serves the next one")
    func whole() async throws {
        let server = try ScriptedServer("127.77.0.1")
        defer { server.stop() }
        let sender = sender()
        let body = String(repeating: "ä", count: 3000)
        for _ in 0..<3 {
            let answer = try await sender.post(request(server.url("/hooks?a=b"), body))
            #expect(answer.status == 200 && answer.retryAfter == nil)
            #expect(String(decoding: answer.excerpt, as: UTF8.self) == "heard")
        }
        let heard = try #require(server.requests.first)
        #expect(heard.hasPrefix("POST /hooks?a=b HTTP/1.1\r\n") && heard.hasSuffix(body))
        let head = heard.lowercased()
        #expect(head.contains("content-type: application/json\r\n") && head.contains("webhook-id: x\r\n"))
        #expect(!head.contains("expect:") && !head.contains("user-agent:"))
        #expect(server.requests.count == 3 && server.connections == 1)
    }

    @Test(
        "no socket is opened to an address that is not permitted, whatever its form",
        arguments: [
            "127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "localhost", "[::ffff:127.0.0.1]", "[::1]",
        ])
    func refused(host: String) async throws {
        let server = try ScriptedServer("127.0.0.1")
        defer { server.stop() }
        #expect(await failure(sender(), "http://\(host):\(server.port)/") == .refusedAddress)
        #expect(server.connections == 0)
    }

    @Test(
        "control: each of these would be reached if every address were permitted",
        arguments: [
            "127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "localhost", "[::ffff:127.0.0.1]",
        ])
    func control(host: String) async throws {
        let server = try ScriptedServer("127.0.0.1")
        defer { server.stop() }
        let open = HTTPSender { _, _ in true }
        #expect(try await open.post(request("http://\(host):\(server.port)/")).status == 200)
        #expect(server.connections == 1)
    }

    @Test("a redirect is an answer, and nobody goes where it points")
    func redirect() async throws {
        let (server, inside) = (try ScriptedServer("127.77.0.1"), try ScriptedServer("127.0.0.1"))
        defer { server.stop(); inside.stop() }
        let answer = try await sender().post(request(server.url("/redirect?\(inside.url("/"))")))
        #expect(answer.status == 302)
        #expect(inside.connections == 0)
    }

    @Test(
        "other schemes are refused",
        arguments: ["file:///etc/passwd", "gopher://127.77.0.1/", "dict://127.77.0.1/", "ftp://127.77.0.1/"])
    func schemes(url: String) async {
        #expect(await failure(sender(), url) != nil)
    }

    @Test("of a long answer the beginning is read, and then no more")
    func cut() async throws {
        let server = try ScriptedServer("127.77.0.1")
        defer { server.stop() }
        let answer = try await sender(timeout: .seconds(60)).post(request(server.url("/endless")))
        #expect(answer.status == 200 && answer.excerpt.count == HTTPSender.excerptLimit)
    }

    @Test("a head that does not end is not kept")
    func endlessHead() async throws {
        let server = try ScriptedServer("127.77.0.1")
        defer { server.stop() }
        #expect(await failure(sender(timeout: .seconds(60)), server.url("/heads")) == .connectionLost)
    }

    @Test("what takes too long ends")
    func slow() async throws {
        let server = try ScriptedServer("127.77.0.1")
        defer { server.stop() }
        #expect(await failure(sender(timeout: .milliseconds(300)), server.url("/silent")) == .timedOut)
    }

    @Test(
        "the status line decides, whatever becomes of the body",
        arguments: ["/drip", "/broken/short", "/broken/chunks", "/broken/gzip", "/broken/no-head"])
    func statusLine(path: String) async throws {
        let server = try ScriptedServer("127.77.0.1")
        defer { server.stop() }
        #expect(try await sender(timeout: .milliseconds(300)).post(request(server.url(path))).status == 200)
    }

    @Test("statuses and Retry-After are told")
    func statuses() async throws {
        let server = try ScriptedServer("127.77.0.1")
        defer { server.stop() }
        let sender = sender()
        for status in [204, 400, 410, 500] {
            #expect(try await sender.post(request(server.url("/status/\(status)"))).status == status)
        }
        let busy = try await sender.post(request(server.url("/retry/7")))
        #expect(busy.status == 503 && busy.retryAfter == 7)
        #expect(try await sender.post(request(server.url("/retry/soon"))).retryAfter == nil)
    }

    @Test("nobody there, no such host, a hang-up: each has its name")
    func failures() async throws {
        let server = try ScriptedServer("127.77.0.1")
        #expect(await failure(sender(), server.url("/hang-up")) == .connectionLost)
        server.stop()
        #expect(await failure(sender(), server.url("/")) == .unreachable)
        #expect(await failure(sender(), "http://nowhere.invalid/") == .unknownHost)
        let plain = try ScriptedServer("127.77.0.1")
        defer { plain.stop() }
        #expect(await failure(sender(), "https://127.77.0.1:\(plain.port)/") == .tls)
    }

    @Test("a cancelled task hears at once, and the sender goes on")
    func cancelled() async throws {
        let server = try ScriptedServer("127.77.0.1")
        defer { server.stop() }
        let sender = sender(timeout: .seconds(60))
        let waiting = Task { [request = request(server.url("/silent"))] in
            do throws(OutgoingError) { _ = try await sender.post(request) } catch { return error }
            return OutgoingError.timedOut
        }
        while server.requests.isEmpty { await Task.yield() }
        waiting.cancel()
        #expect(await waiting.value == .cancelled)
        #expect(try await sender.post(request(server.url("/"))).status == 200)
        let before = Task { [request = request(server.url("/"))] in
            withUnsafeCurrentTask { $0?.cancel() }
            do throws(OutgoingError) { _ = try await sender.post(request) } catch { return error }
            return OutgoingError.timedOut
        }
        #expect(await before.value == .cancelled)
    }

    @Test("silent servers hold up nobody else, and beyond the limit the answer is no")
    func manyAtOnce() async throws {
        let server = try ScriptedServer("127.77.0.1")
        defer { server.stop() }
        let sender = sender(timeout: .seconds(60), underWay: 40)
        let silent = (0..<39).map { _ in
            Task { [request = request(server.url("/silent"))] in
                do throws(OutgoingError) { _ = try await sender.post(request) } catch { return error }
                return OutgoingError.timedOut
            }
        }
        while server.requests.count < 39 { await Task.yield() }
        for _ in 0..<20 { #expect(try await sender.post(request(server.url("/"))).status == 200) }
        let last = Task { [request = request(server.url("/silent"))] in _ = try await sender.post(request) }
        while server.requests.count < 60 { await Task.yield() }
        #expect(await failure(sender, server.url("/")) == .overloaded)
        for task in silent { task.cancel() }
        last.cancel()
        for task in silent { #expect(await task.value == .cancelled) }
        #expect(try await sender.post(request(server.url("/"))).status == 200)
    }

    @Test("a sender that is let go ends its thread")
    func ended() async throws {
        let server = try ScriptedServer("127.77.0.1")
        defer { server.stop() }
        let wasLetGo = Flag()
        do {
            let sender = HTTPSender { [guarded = Guard(wasLetGo)] _, _ in guarded.permits }
            #expect(try await sender.post(request(server.url("/"))).status == 200)
            #expect(!wasLetGo.isSet)
        }
        while !wasLetGo.isSet { await Task.yield() }
    }
}

private final class Flag: Sendable {
    private let flag = Atomic(false)
    var isSet: Bool { flag.load(ordering: .acquiring) }
    func set() { flag.store(true, ordering: .releasing) }
}

/// Says when nothing holds the sender's rule any more: neither it nor its thread.
private final class Guard: Sendable {
    let permits = true
    private let gone: Flag
    init(_ gone: Flag) { self.gone = gone }
    deinit { gone.set() }
}
