import Bootstrap
import Crypto
import Domain
import FoundationEssentials
import Logging
import Persistence
import Postgres
import Redis
import ServiceLifecycle
import TestSupport
import Testing

@testable import ws_hub

/// A hub of the test's own: a fresh database in the given PostgreSQL, the given or a private Redis, a free port.
final class HubWorld: Sendable {
    let port: Int
    let events: HubEvents
    let redis: RedisClient
    private let key: Curve25519.Signing.PrivateKey
    let service: HubService

    static let publicURL = "http://localhost:8080"

    private init(
        port: Int, events: HubEvents, redis: RedisClient, key: Curve25519.Signing.PrivateKey, service: HubService
    ) {
        self.port = port
        self.events = events
        self.redis = redis
        self.key = key
        self.service = service
    }

    /// Runs `body` beside a hub and removes everything afterwards, even when it throws.
    static func with(
        redis address: RedisAddress? = nil, limits configure: (inout HubLimits) -> Void = { _ in },
        _ body: @escaping @Sendable (HubWorld) async throws -> Void
    ) async throws {
        let address = try address ?? givenRedis()
        let key = Curve25519.Signing.PrivateKey()
        try await TestWorld.run { world in
            let organizer = try await world.person("Owner", role: .organizer)
            let events = HubEvents(database: world.owner, owner: organizer.id)
            var reader = SettingsReader(environment: [
                "EM_DEMO": "true", "EM_HTTP_PORT": "0", "EM_PUBLIC_URL": publicURL,
                "EM_DATABASE_URL": world.databaseURL,
                "EM_REDIS_URL": "redis://127.0.0.1", "EM_ACCESS_TOKEN_PUBLIC_KEYS": TestToken.keySet(of: key),
            ])
            var settings = try HubSettings(&reader)
            settings.redis = address
            settings.limits.drainSpread = .milliseconds(200)
            configure(&settings.limits)
            let listening = AsyncStream<Int>.makeStream()
            let service = try await HubService(settings, logger: redisLogger) { port in
                listening.continuation.yield(port)
            }
            let group = ServiceGroup(services: service.parts, logger: redisLogger)
            let redis = RedisClient(address, logger: redisLogger)
            let outcome: Result<Void, any Error>
            do {
                try await withThrowingTaskGroup { tasks in
                    tasks.addTask { try await group.run() }
                    var ports = listening.stream.makeAsyncIterator()
                    let port = try #require(await ports.next())
                    let world = HubWorld(port: port, events: events, redis: redis, key: key, service: service)
                    let outcome: Result<Void, any Error>
                    do { outcome = .success(try await body(world)) } catch { outcome = .failure(error) }
                    await group.triggerGracefulShutdown()
                    try await tasks.waitForAll()
                    try outcome.get()
                }
                outcome = .success(())
            } catch {
                outcome = .failure(error)
            }
            // Also after a throw: the database can't be dropped while the hub is in it, and the test's error would be lost.
            await redis.close()
            await service.close()
            try outcome.get()
        }
    }

    func connect(origin: String? = nil, receiveBuffer: CInt? = nil) async throws -> WebSocketClient {
        try await WebSocketClient.connect(port: port, origin: origin, receiveBuffer: receiveBuffer)
    }

    func publish(_ update: LiveUpdate, at publishedAt: Date? = nil) async throws {
        try await redis.publish(try update.frame(publishedAt: publishedAt), to: update.topic.channel)
    }

    /// - Parameter session: nil for a sign-in of its own, which is made together with its person.
    func token(
        for user: UserID, role: Role = .user, lifetime: Int = 600, issuer: String = publicURL, session: SessionID? = nil
    ) async throws -> String {
        let signIn = session ?? SessionID()
        if session == nil { try await events.signIn(signIn, of: user, role) }
        return try TestToken.make(
            user: user, role: role, session: signIn, lifetime: lifetime, issuer: issuer, key: key)
    }

    /// A socket of somebody who is signed in.
    func connect(as user: UserID, _ role: Role = .user, session: SessionID? = nil) async throws -> WebSocketClient {
        let client = try await connect()
        let token = try await token(for: user, role: role, session: session)
        try client.text(#"{"type":"authenticate","token":"\#(token)"}"#)
        _ = try await client.next("authenticated")
        return client
    }

    /// The value of a metric, 0 while it isn't there.
    func metric(_ name: String) -> Double {
        let line = service.health.metrics.exposition().split(separator: "\n").first { $0.hasPrefix(name + " ") }
        return line.flatMap { Double($0.split(separator: " ").last ?? "") } ?? 0
    }
}

/// Access tokens made by hand after RFC 7519 and RFC 8037, independently of the code that verifies them.
enum TestToken {
    static func keySet(of key: Curve25519.Signing.PrivateKey) -> String {
        #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"\#(base64URL(key.publicKey.rawRepresentation))"}]}"#
    }

    static func make(
        user: UserID, role: Role, session: SessionID, lifetime: Int, issuer: String,
        key: Curve25519.Signing.PrivateKey
    ) throws -> String {
        let x = base64URL(key.publicKey.rawRepresentation)
        let kid = base64URL(Data(SHA256.hash(data: Data(#"{"crv":"Ed25519","kty":"OKP","x":"\#(x)"}"#.utf8))))
        let expiry = Int(Date().timeIntervalSince1970) + lifetime
        let header = #"{"alg":"EdDSA","typ":"at+jwt","kid":"\#(kid)"}"#
        let claims =
            #"{"iss":"\#(issuer)","aud":"em-connect","sub":"\#(user)","sid":"\#(session)","role":"\#(role.rawValue)","#
            + #""iat":\#(min(expiry - 1, Int(Date().timeIntervalSince1970))),"exp":\#(expiry)}"#
        let signed = base64URL(Data(header.utf8)) + "." + base64URL(Data(claims.utf8))
        return signed + "." + base64URL(try key.signature(for: Data(signed.utf8)))
    }

    private static func base64URL(_ bytes: Data) -> String {
        bytes.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}

/// Events in a database of the test's own, written directly, as if by a service whose news may be lost.
struct HubEvents: Sendable {
    /// With the owner's role; the hub itself has the services'.
    let database: Database
    let owner: UserID

    func add(status: EventStatus = .published, confirmed: Int = 3, revision: Int = 7) async throws -> EventID {
        let id = EventID()
        try await database.execute([
            """
            INSERT INTO events (id, owner_id, title, description, venue, starts_at, ends_at, time_zone, status)
            VALUES (\(id), \(owner), 'Concert', '', '', now() + interval '1 day', now() + interval '2 days', 'UTC',
                \(status.rawValue))
            """,
            """
            INSERT INTO event_places (event_id, capacity, confirmed, revision)
            VALUES (\(id), 1000000, \(confirmed), \(revision))
            """,
            "INSERT INTO event_members (event_id, user_id, role) VALUES (\(id), \(owner), 'owner')",
        ])
        return id
    }

    /// Opens a session; makes the person too when there is none.
    func signIn(_ session: SessionID, of user: UserID, _ role: Role) async throws {
        try await database.execute([
            """
            INSERT INTO users (id, email, display_name, password_hash, role)
            VALUES (\(user), \("\(user)@example.com"), 'Somebody', '-', \(role)) ON CONFLICT (id) DO NOTHING
            """,
            "INSERT INTO sessions (id, user_id, expires_at) VALUES (\(session), \(user), now() + interval '1 day')",
        ])
    }

    /// Takes a place without telling anybody.
    @discardableResult
    func take(_ id: EventID) async throws -> Places {
        let row = try #require(
            try await database.execute(
                """
                UPDATE event_places SET confirmed = confirmed + 1, revision = revision + 1 WHERE event_id = \(id)
                RETURNING revision, confirmed, waitlisted, capacity
                """
            ).first)
        return Places(
            revision: try row.decode("revision"), confirmed: try row.decode("confirmed"),
            waitlisted: try row.decode("waitlisted"), capacity: try row.decode("capacity"))
    }

    func cancel(_ id: EventID) async throws {
        try await database.execute("UPDATE events SET status = 'cancelled', version = version + 1 WHERE id = \(id)")
    }
}
