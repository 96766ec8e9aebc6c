@testable import api_service
import Bootstrap
import Domain
import FoundationEssentials
import TestSupport
import Testing

@Suite("Other origins")
struct CrossOriginTests {
    private static let partner = "https://partner.example"

    @Test("a listed origin may read answers, refusals too; another one, or none, gets no permission")
    func listed() async throws {
        try await APIWorld.run(settings: ["EM_CORS_ORIGINS": "\(Self.partner), https://other.example:8443"]) { api in
            for path in ["/api/v1/events", "/api/v1/me", "/api/v1/nothing"] {
                let answer = try await api.client.get(path, headers: ["Origin": Self.partner])
                #expect(answer.headers["access-control-allow-origin"] == Self.partner)
                #expect(answer.headers["access-control-allow-credentials"] == nil)
                #expect(answer.headers["vary"]?.contains("Origin") == true)
                for other in ["https://partner.example.evil.example", "null", "http://partner.example"] {
                    let refused = try await api.client.get(path, headers: ["Origin": other])
                    #expect(refused.headers["access-control-allow-origin"] == nil)
                    #expect(refused.headers["vary"]?.contains("Origin") == true)
                }
            }
        }
    }

    @Test("what a browser asks first is answered with the path's methods, without credentials")
    func preflight() async throws {
        try await APIWorld.run(settings: ["EM_CORS_ORIGINS": Self.partner]) { api in
            let asked = ["Origin": Self.partner, "Access-Control-Request-Method": "PATCH"]
            let answer = try await api.client.send("OPTIONS", "/api/v1/me", headers: asked)
            #expect(answer.status == 204)
            #expect(answer.headers["access-control-allow-methods"]?.contains("PATCH") == true)
            #expect(answer.headers["access-control-allow-headers"]?.contains("Authorization") == true)
            let other = try await api.client.send(
                "OPTIONS", "/api/v1/me", headers: asked.merging(["Origin": "https://evil.example"]) { $1 })
            #expect(other.status == 405)
            #expect(other.headers["access-control-allow-origin"] == nil)
        }
    }

    @Test("our cookie's routes stay shut for listed origins, and without a list nobody is allowed anything")
    func closed() async throws {
        try await APIWorld.run(settings: ["EM_CORS_ORIGINS": Self.partner]) { api in
            let answer = try await api.client.send(
                "POST", "/api/v1/auth/refresh", headers: ["Origin": Self.partner, "X-EM-CSRF": "1"])
            #expect(answer.status == 403)
        }
        try await APIWorld.run { api in
            let answer = try await api.client.get("/api/v1/events", headers: ["Origin": Self.partner])
            #expect(answer.status == 200)
            #expect(answer.headers["access-control-allow-origin"] == nil)
        }
    }

    @Test("a list with something in it that is no origin is refused")
    func wrong() {
        for list in ["*", "partner.example", "https://partner.example/path", "https://a.example,ftp://b.example"] {
            #expect(throws: (any Error).self) { try CrossOrigin.origins(list) }
        }
    }
}
