import Domain
import FoundationEssentials
import Testing
import TestSupport

@Suite("Bad requests")
struct BadRequestTests {
    @Test("every one gets a 4xx problem document with a trace, never a 5xx")
    func table() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp("Olga", role: .organizer)
            let user = try await api.signUp("Uma")
            let event = try await api.event(organizer.token)
            let draft = try await api.draft(organizer.token)
            let stranger = UUID().uuidString.lowercased()
            let long = String(repeating: "x", count: 30_000)
            let cases: [(String, String, String?, String?, Int)] = [
                ("GET", "/api/v1/nothing", nil, nil, 404), ("GET", "/", nil, nil, 404),
                ("PUT", "/api/v1/events", "{}", nil, 405), ("DELETE", "/api/v1/me", nil, user.token, 400),
                ("GET", "/api/v1/auth/login", nil, nil, 405), ("PUT", "/api/v1/me", nil, user.token, 405),
                ("POST", "/api/v1/auth/login", "{", nil, 400), ("POST", "/api/v1/auth/login", "", nil, 400),
                ("POST", "/api/v1/auth/login", "[1]", nil, 400), ("POST", "/api/v1/auth/login", "{}", nil, 422),
                ("POST", "/api/v1/auth/login", #"{"email":1,"password":[]}"#, nil, 422),
                (
                    "POST", "/api/v1/auth/register", #"{"email":"a@b.c","password":"\#(long)","displayName":"x"}"#, nil,
                    413
                ),
                (
                    "POST", "/api/v1/auth/register",
                    #"{"email":"a\u0000@b.cd","password":"12345678","displayName":"\u0000"}"#, nil, 422
                ),
                ("POST", "/api/v1/auth/register", #"{"email":"\#(long)"}"#, nil, 413),
                ("POST", "/api/v1/auth/register", #"{"email":"\#(long.prefix(16_000))"}"#, nil, 422),
                // Nested, repeated or unfinished: refused at the price of reading it.
                ("POST", "/api/v1/auth/login", #"{"a":"# + String(repeating: "[", count: 16_000), nil, 400),
                ("POST", "/api/v1/auth/login", #"{"email":"a","email":"b"}"#, nil, 400),
                ("POST", "/api/v1/auth/login", #"{"email":"a",}"#, nil, 400),
                (
                    "POST", "/api/v1/events/\(event)/announcements", String(repeating: " ", count: 262_145),
                    organizer.token, 413
                ),
                ("POST", "/api/v1/auth/login", #"{"email":"\#(String(repeating: long, count: 10))"}"#, nil, 413),
                ("GET", "/api/v1/events/1", nil, nil, 404), ("GET", "/api/v1/events/\(stranger)", nil, nil, 404),
                ("GET", "/api/v1/events/%00", nil, nil, 404), ("GET", "/api/v1/events/%ff%fe", nil, nil, 404),
                ("GET", "/api/v1/events/\(draft)", nil, user.token, 404),
                ("POST", "/api/v1/events/\(draft)/registrations", nil, user.token, 404),
                ("PATCH", "/api/v1/events/\(event)", "{}", user.token, 403),
                ("POST", "/api/v1/events/\(event)/cancel", nil, user.token, 403),
                ("GET", "/api/v1/events/\(event)/registrations", nil, user.token, 403),
                ("GET", "/api/v1/events/\(event)/registrations", nil, nil, 401),
                ("POST", "/api/v1/events/\(event)/registrations", nil, nil, 401),
                ("POST", "/api/v1/events", #"{"title":"x"}"#, user.token, 403),
                ("POST", "/api/v1/events", #"{"title":"x","capacity":1e300}"#, organizer.token, 422),
                ("POST", "/api/v1/events", #"{"title":"x","capacity":99999999999999999999}"#, organizer.token, 422),
                (
                    "POST", "/api/v1/events/\(event)/announcements", #"{"title":"\u0000","body":"\u0000"}"#,
                    organizer.token, 422
                ),
                (
                    "POST", "/api/v1/events/\(event)/announcements", #"{"title":"x","body":"\#(long)"}"#,
                    organizer.token, 422
                ),
                ("POST", "/api/v1/events/\(event)/check-ins", #"{"code":""}"#, organizer.token, 422),
                ("POST", "/api/v1/events/\(event)/check-ins", #"{"code":"a\u0000b"}"#, organizer.token, 422),
                (
                    "POST", "/api/v1/events/\(event)/check-ins", #"{"code":"x","gate":7,"scannedAt":"x"}"#,
                    organizer.token, 422
                ),
                ("GET", "/api/v1/events?limit=0", nil, nil, 422), ("GET", "/api/v1/events?limit=1e3", nil, nil, 422),
                ("GET", "/api/v1/events?cursor=AAAA", nil, nil, 400),
                ("GET", "/api/v1/events?query=%00", nil, nil, 422),
                ("GET", "/api/v1/events?from=0001-01-01T00:00:00Z", nil, nil, 422),
                ("GET", "/api/v1/events?mine=true", nil, nil, 401),
                ("GET", "/api/v1/me/registrations?eventId=x", nil, user.token, 422),
                ("GET", "/api/v1/registrations/\(stranger)", nil, user.token, 404),
                ("DELETE", "/api/v1/registrations/x", nil, user.token, 404),
                ("GET", "/api/v1/tickets/\(stranger).svg", nil, user.token, 404),
                ("GET", "/api/v1/tickets/x.png", nil, user.token, 404),
                ("GET", "/api/v1/admin/users", nil, organizer.token, 403),
                ("PATCH", "/api/v1/admin/users/\(user.id)", #"{"role":"admin"}"#, user.token, 403),
                ("PATCH", "/api/v1/me", #"{"displayName":{}}"#, user.token, 422),
            ]
            for (method, path, body, token, status) in cases {
                let answer = try await api.client.send(method, path, token: token, body: body.map { Array($0.utf8) })
                let label = "\(method) \(path.prefix(60)) \(body?.prefix(60) ?? "")"
                #expect(answer.status == status, "\(label): \(answer.text.prefix(200))")
                #expect(answer.problem != nil, "\(label)")
                #expect(answer.string("traceId")?.utf8.count == 32, "\(label)")
                #expect(answer.int("status") == status, "\(label)")
                if status == 422 { #expect(!answer.fields.isEmpty, "\(label)") }
            }
        }
    }

    @Test("bytes that are no JSON, and other media types, are refused")
    func bodies() async throws {
        try await APIWorld.run { api in
            for bytes: [UInt8] in [[0xFF, 0xFE, 0x7B], [0x7B, 0x22, 0xC3, 0x28, 0x22, 0x3A, 0x31, 0x7D], [0]] {
                let answer = try await api.client.send("POST", "/api/v1/auth/login", body: bytes)
                #expect(answer.problem == "malformed-json")
            }
            let form = try await api.client.send(
                "POST", "/api/v1/auth/login", headers: ["Content-Type": "application/x-www-form-urlencoded"],
                body: Array("email=x".utf8))
            #expect(form.problem == "unsupported-media-type")
        }
    }

    @Test("a trace that came along is continued, and a broken one is replaced")
    func traces() async throws {
        try await APIWorld.run { api in
            let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
            let answer = try await api.client.get(
                "/api/v1/nothing", headers: ["traceparent": "00-\(trace)-00f067aa0ba902b7-01"])
            #expect(answer.string("traceId") == trace)
            #expect(answer.headers["traceparent"]?.hasPrefix("00-\(trace)-") == true)
            #expect(answer.headers["traceparent"]?.contains("00f067aa0ba902b7") == false)
            let broken = try await api.client.get("/api/v1/nothing", headers: ["traceparent": "00-xyz-1-01"])
            #expect(broken.string("traceId")?.utf8.count == 32)
        }
    }

    @Test("without a database everything answers 503 with Retry-After, and the process says that it isn't ready")
    func databaseAway() async throws {
        try await APIWorld.run(databaseURL: "postgres://em_service:x@127.0.0.1:1/em") { api in
            let answer = try await api.client.get("/api/v1/events")
            #expect(answer.status == 503)
            #expect(answer.problem == "unavailable")
            #expect(answer.headers["retry-after"] != nil)
            let login = try await api.client.post(
                "/api/v1/auth/login", #"{"email":"a@example.com","password":"long enough"}"#)
            #expect(login.problem == "unavailable")
            #expect(try await api.client.get("/livez").status == 200)
            let ready = try await api.client.get("/readyz")
            #expect(ready.status == 503)
            #expect(ready.text.contains(#""missing":["postgres"]"#))
            #expect(try await api.client.get("/metrics").text.contains("http_server_requests_total"))
        }
    }
}
