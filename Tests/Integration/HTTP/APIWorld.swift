@testable import api_service
import Bootstrap
import Crypto
import Domain
import FoundationEssentials
import Logging
import PasswordHashing
import Persistence
import Postgres
import ServiceLifecycle
import TestSupport
import Webhooks

/// The real application on a port of its own, with a database of its own.
struct APIWorld: Sendable {
    let world: TestWorld
    let client: LoopbackClient
    /// The private half of the keys that verify tickets.
    let ticketKey: Curve25519.Signing.PrivateKey
    /// The private half of the keys that verify access tokens.
    let accessKey: Curve25519.Signing.PrivateKey
    /// Counts the hashes that the service computes.
    let passwords: PasswordHasher

    static let password = "correct horse battery staple"
    static let origin = "http://localhost:8080"
    static let brokerSecret = "0123456789abcdef0123456789abcdef"

    /// - Parameter settings: variables of the environment beyond those that every test needs.
    ///   - clock: the time that the service's rules go by.
    static func run(
        databaseURL: String? = nil, settings more: [String: String] = [:],
        clock: @escaping @Sendable () -> Date = { Date() },
        _ test: @escaping @Sendable (APIWorld) async throws -> Void
    ) async throws {
        try await TestWorld.run { world in
            let accessKey = Curve25519.Signing.PrivateKey()
            let ticketKey = Curve25519.Signing.PrivateKey()
            let environment = [
                "EM_DEMO": "true", "EM_HTTP_PORT": "0", "EM_PUBLIC_URL": origin,
                "EM_DATABASE_URL": databaseURL ?? world.databaseURL,
                "EM_AMQP_URL": "amqp://x:y@127.0.0.1:1/", "EM_REDIS_URL": "redis://127.0.0.1:1/0",
                "EM_ACCESS_TOKEN_KEY": base64URL(accessKey.rawRepresentation),
                "EM_WEBHOOK_KEY": WebhookKey().text, "EM_BROKER_SECRET": brokerSecret,
                "EM_TICKET_PUBLIC_KEYS":
                    #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"\#(base64URL(ticketKey.publicKey.rawRepresentation))"}]}"#,
            ]
            var reader = SettingsReader(environment: environment.merging(more) { $1 })
            let settings = try APISettings.read(&reader)
            let passwords = PasswordHasher()
            let (ports, announce) = AsyncStream.makeStream(of: Int.self)
            let service = try await buildAPIService(
                settings, metrics: PrometheusRegistry(), logger: world.logger, relaying: false,
                clock: clock, passwords: passwords, onServerRunning: { announce.yield($0) })
            try await withThrowingTaskGroup(of: Void.self) { group in
                for part in service.services { group.addTask { try await part.run() } }
                group.addTask { try await service.application.run() }
                for await port in ports {
                    try await test(
                        APIWorld(
                            world: world, client: LoopbackClient(port: port), ticketKey: ticketKey,
                            accessKey: accessKey, passwords: passwords))
                    break
                }
                group.cancelAll()
                do { while try await group.next() != nil {} } catch {}  // the application was cancelled
            }
        }
    }

    /// Signs somebody up through the front door; answers their access token and cookie.
    /// - Parameter isProven: whether their address counts as proven.
    func signUp(
        _ name: String = "Tess", role: Role = .user, isProven: Bool = true
    ) async throws -> (id: UserID, token: String, cookie: String) {
        let email = "\(UserID())@example.com"
        let body = #"{"email":"\#(email)","password":"\#(Self.password)","displayName":"\#(name)"}"#
        var answer = try await client.post("/api/v1/auth/register", body)
        let user = try WireJSON.decode(Account.self, from: answer.body).user
        if isProven {
            try await world.owner.execute("UPDATE users SET email_verified_at = now() WHERE id = \(user.id)")
        }
        if role != .user {
            try await world.database.transaction { transaction in
                _ = try await world.users.setRole(role, of: user.id, on: transaction)
            }
            answer = try await client.post(
                "/api/v1/auth/login", #"{"email":"\#(email)","password":"\#(Self.password)"}"#)
        }
        let cookie = answer.headers["set-cookie"]?.prefix { $0 != ";" } ?? ""
        return (user.id, answer.string("accessToken") ?? "", String(cookie))
    }

    private struct Account: Decodable {
        struct User: Decodable { var id: UserID }
        var user: User
    }

    /// A draft of a week ahead, made by `token`'s owner; its id.
    func draft(_ token: String, capacity: Int = 5, waitlist: Bool = false) async throws -> String {
        let starts = Timestamp.text(Date() + 604_800)
        let ends = Timestamp.text(Date() + 612_000)
        let answer = try await client.post(
            "/api/v1/events",
            #"{"title":"Concert","startsAt":"\#(starts)","endsAt":"\#(ends)","timeZone":"Europe/Berlin","#
                + #""capacity":\#(capacity),"waitlistEnabled":\#(waitlist)}"#, token: token)
        return answer.string("id") ?? ""
    }

    /// The same, published.
    func event(_ token: String, capacity: Int = 5, waitlist: Bool = false) async throws -> String {
        let id = try await draft(token, capacity: capacity, waitlist: waitlist)
        _ = try await client.post("/api/v1/events/\(id)/publish", token: token)
        return id
    }

    /// Does what ticket-worker does.
    func issueTicket(for registration: RegistrationID) async throws -> Ticket {
        try await world.database.transaction { transaction in
            guard let occasion = try await world.tickets.occasions(for: [registration], on: transaction).first else {
                throw DomainError.notFound
            }
            let id = TicketID()
            let keyID = Array(SHA256.hash(data: ticketKey.publicKey.rawRepresentation).prefix(4))
            let token = TicketToken(keyID: keyID, ticketID: id, eventID: occasion.eventID)
            let signature = try ticketKey.signature(for: token.signedBytes)
            var generator = SystemRandomNumberGenerator()
            let ticket = Ticket(
                id: id, eventID: occasion.eventID, registrationID: registration, userID: occasion.userID,
                code: TicketCode(using: &generator).description, qrText: token.text(signature: Array(signature)),
                status: .valid, issuedAt: Date(), revokedAt: nil, checkedInAt: nil)
            _ = try await world.tickets.insert([.init(ticket, number: 1, owner: occasion.ownerID)], on: transaction)
            return ticket
        }
    }
}

func base64URL(_ bytes: some Sequence<UInt8>) -> String {
    Data(bytes).base64EncodedString()
        .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
}
