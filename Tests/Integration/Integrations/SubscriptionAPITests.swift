@testable import api_service
import Domain
import FoundationEssentials
import Persistence
import Postgres
import Testing
import TestSupport

@Suite("Subscriptions over HTTP, without a broker")
struct SubscriptionAPITests {
    private let webhook =
        #"{"name":"Hook","scope":"own","types":["em.ticket.*"],"delivery":"webhook","url":"https://example.com/"}"#
    private let queue = #"{"name":"Queue","scope":"own","types":["*"],"delivery":"queue"}"#

    @Test("without the broker there is no queue, and no subscription is left behind; a webhook needs none")
    func brokerAway() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp(role: .organizer)
            let refused = try await api.client.post("/api/v1/subscriptions", queue, token: organizer.token)
            #expect(refused.status == 503)
            #expect(refused.problem == "unavailable")
            #expect(try await api.client.get("/api/v1/subscriptions", token: organizer.token)["items"] == .array([]))
            let made = try await api.client.post("/api/v1/subscriptions", webhook, token: organizer.token)
            #expect(made.status == 201)
            #expect(made.string("secret")?.hasPrefix("whsec_") == true)
            #expect(made.string("publicKey")?.hasPrefix("whpk_") == true)
        }
    }

    @Test("a webhook's secret is shown once, and another one begins a rotation")
    func rotation() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp(role: .organizer)
            let headers = ["Idempotency-Key": "one"]
            let made = try await api.client.post(
                "/api/v1/subscriptions", webhook, token: organizer.token, headers: headers)
            let again = try await api.client.post(
                "/api/v1/subscriptions", webhook, token: organizer.token, headers: headers)
            #expect(again.status == 201)
            #expect(again.string("id") == made.string("id"))
            #expect(again["secret"] == nil)
            let path = "/api/v1/subscriptions/\(made.string("id") ?? "")"
            #expect(try await api.client.get(path, token: organizer.token)["secretRotatesUntil"] == .null)
            let renewed = try await api.client.post("\(path)/credentials", token: organizer.token)
            #expect(renewed.status == 200)
            #expect(renewed.string("secret")?.hasPrefix("whsec_") == true)
            #expect(renewed.string("secret") != made.string("secret"))
            #expect(renewed.string("secretRotatesUntil") != nil)
            #expect(try await api.client.get(path, token: organizer.token)["secret"] == nil)
        }
    }

    @Test("what a subscription must be made of is said field by field")
    func invalid() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp(role: .organizer)
            func fields(_ body: String) async throws -> Set<String> {
                let answer = try await api.client.post("/api/v1/subscriptions", body, token: organizer.token)
                #expect(answer.status == 422)
                return Set(answer.fields)
            }
            #expect(try await fields("{}") == ["name", "scope", "types", "delivery"])
            #expect(
                try await fields(#"{"name":"x","scope":"own","types":["em.tickets.*"],"delivery":"webhook"}"#)
                    == ["types", "url"])
            #expect(
                try await fields(
                    #"{"name":"x","scope":"own","types":["*"],"delivery":"webhook","url":"https://127.0.0.1/"}"#)
                    == ["url"])
            #expect(
                try await fields(
                    #"{"name":"x","scope":"own","types":["*"],"delivery":"queue","url":"https://example.com/"}"#)
                    == ["url"])
            // Only admins hear of every event.
            let all = try await api.client.post(
                "/api/v1/subscriptions",
                #"{"name":"x","scope":"all","types":["*"],"delivery":"webhook","url":"https://example.com/"}"#,
                token: organizer.token)
            #expect(all.problem == "forbidden")
        }
    }

    @Test("nobody has more than twenty")
    func limit() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp(role: .organizer)
            for _ in 0..<SubscriptionStore.maximum {
                #expect(
                    try await api.client.post("/api/v1/subscriptions", webhook, token: organizer.token).status == 201)
            }
            let refused = try await api.client.post("/api/v1/subscriptions", webhook, token: organizer.token)
            #expect(refused.problem == "limit-reached")
        }
    }

    @Test("the broker lets in who reads a queue of their own, with the password, while its person may have it")
    func broker() async throws {
        try await APIWorld.run { api in
            let person = try await api.world.person(role: .admin)
            let another = try await api.world.person(role: .admin)
            let password = SecretToken()
            let store = SubscriptionStore(api.world.database)
            let subscription = Subscription(
                id: SubscriptionID(), of: person.id, name: "Queue", scope: .all, types: [.every], delivery: .queue,
                url: nil, createdAt: Date())
            try await api.world.database.transaction { transaction in
                try await store.insert(subscription, passwordHash: password.hash, on: transaction)
            }
            let user = "em-sub-\(subscription.id)"
            func asks(_ what: String, _ form: String) async throws -> String {
                let answer = try await api.client.send(
                    "POST", "/broker/\(what)?secret=\(APIWorld.brokerSecret)",
                    headers: ["Content-Type": "application/x-www-form-urlencoded"], body: Array(form.utf8))
                #expect(answer.status == 200)
                return answer.text
            }
            // Nobody else may try passwords there.
            for query in [
                "", "?secret=", "?secret=\(APIWorld.brokerSecret.dropLast())", "?Secret=\(APIWorld.brokerSecret)",
            ] {
                let answer = try await api.client.send(
                    "POST", "/broker/user\(query)", body: Array("username=\(user)&password=\(password.text)".utf8))
                #expect(answer.status == 404 && answer.text.isEmpty)
            }
            let own = "username=\(user)&vhost=%2F&resource=queue&name=em.subscription.\(subscription.id)"
            #expect(try await asks("user", "username=\(user)&password=\(password.text)") == "allow")
            #expect(try await asks("user", "username=\(user)&password=\(SecretToken().text)") == "deny")
            #expect(try await asks("user", "username=\(user)&password=") == "deny")
            #expect(try await asks("user", "username=\(user)") == "deny")
            #expect(try await asks("user", "username=em_api&password=\(password.text)") == "deny")
            #expect(try await asks("vhost", "username=\(user)&vhost=%2F&ip=127.0.0.1") == "allow")
            #expect(try await asks("vhost", "username=\(user)&vhost=other") == "deny")
            #expect(try await asks("resource", "\(own)&permission=read") == "allow")
            for permission in ["write", "configure", "", "readwrite"] {
                #expect(try await asks("resource", "\(own)&permission=\(permission)") == "deny")
            }
            let foreign = "username=\(user)&vhost=%2F&resource=queue&name=em.subscription.\(SubscriptionID())"
            #expect(try await asks("resource", "\(foreign)&permission=read") == "deny")
            let exchange = "username=\(user)&vhost=%2F&resource=exchange&name=em.events&permission=read"
            #expect(try await asks("resource", exchange) == "deny")
            #expect(try await asks("topic", "\(exchange)&routing_key=%23") == "deny")
            // Whoever is no admin any more hears of no other's events.
            #expect(try await store.queues().map(\.status) == [.fed])
            try await api.world.database.transaction { transaction in
                _ = try await api.world.users.setRole(.organizer, of: person.id, on: transaction)
            }
            #expect(another.role == .admin)
            #expect(try await asks("resource", "\(own)&permission=read") == "deny")
            #expect(try await asks("user", "username=\(user)&password=\(password.text)") == "deny")
            #expect(try await store.queues().map(\.status) == [.withheld])
        }
    }
}
