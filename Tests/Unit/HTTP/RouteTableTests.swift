@testable import api_service
import Access
import Bootstrap
import Domain
import FoundationEssentials
import Logging
import PasswordHashing
import Persistence
import Postgres
import Testing
import Webhooks

@Suite("The route table")
struct RouteTableTests {
    /// The real table; nothing connects.
    private func table() async throws -> [Route] {
        let key = SigningKey()
        var reader = SettingsReader(environment: [
            "EM_DEMO": "true", "EM_HTTP_PORT": "0", "EM_PUBLIC_URL": "http://localhost:8080",
            "EM_DATABASE_URL": "postgres://em:x@127.0.0.1:1/em", "EM_AMQP_URL": "amqp://em:x@127.0.0.1:1/",
            "EM_REDIS_URL": "redis://127.0.0.1:1/0", "EM_ACCESS_TOKEN_KEY": key.seed,
            "EM_WEBHOOK_KEY": WebhookKey().text,
            "EM_TICKET_PUBLIC_KEYS": KeySet([key.verificationKey]).json,
        ])
        let settings = try APISettings.read(&reader)
        let logger = Logger(label: "test")
        let database = Database(settings.database, logger: logger)
        let issuer = AccessTokenIssuer(keys: AccessKeys(signing: key), issuer: "http://localhost:8080")
        let stores = Stores(database)
        let batcher = RegistrationBatcher(
            database: database, registrations: stores.registrations, metrics: PrometheusRegistry(), clock: { Date() },
            logger: logger)
        let routes = APIRoutes(
            settings, stores: stores, batcher: batcher, printer: TicketPrinter(store: stores.documents),
            invariants: InvariantMonitor(stores.invariants, stuckAfter: 300, logger: logger),
            passwords: PasswordHasher(), issuer: issuer, throttle: Throttle(redis: nil, clock: { Date() }),
            accessLog: AccessLog(stores, clock: { Date() }, logger: logger), clock: { Date() },
            logger: logger
        ).all
        await database.close()
        return routes
    }

    /// `GET /path` of every operation in openapi.yaml: paths are indented by two, methods by four.
    private func described() -> [String: [String]] {
        let text = String(decoding: PackageResources.openapi_yaml, as: UTF8.self)
        var operations: [String: [String]] = [:]
        var path = ""
        var operation = ""
        var isInPaths = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if !line.isEmpty, !line.hasPrefix(" ") { isInPaths = line == "paths:" }
            guard isInPaths else { continue }
            if line.hasPrefix("  /") { path = String(line.dropFirst(2).dropLast()) }
            let key = line.dropFirst(4)
            if line.hasPrefix("    "), ["get:", "post:", "patch:", "put:", "delete:"].contains(key) {
                operation = "\(key.dropLast().uppercased()) \(path)"
                operations[operation] = []
            } else {
                operations[operation]?.append(String(line))
            }
        }
        return operations
    }

    @Test("openapi.yaml names the same routes")
    func sameRoutes() async throws {
        let routes = Set(try await table().map(\.name))
        #expect(routes.symmetricDifference(described().keys) == [])
        #expect(routes.count > 30)
    }

    @Test("openapi.yaml asks for the same credentials")
    func sameCredentials() async throws {
        let described = described()
        for route in try await table() {
            let lines = try #require(described[route.name])
            let key = route.action?.scope.map { ", {apiKey: ['\($0.rawValue)']}" } ?? ""
            let expected =
                switch route.credentials {
                case .ignored: "[]"
                case .optional: "[{}, {accessToken: []}\(key)]"
                case .required, .requiredAtAllTimes: "[{accessToken: []}\(key)]"
                // Whoever is not signed in is signed out already.
                case .cookie where route.name == "POST /api/v1/auth/logout": "[{}, {refreshCookie: []}]"
                case .cookie: "[{refreshCookie: []}]"
                }
            #expect(lines.contains("      security: \(expected)"), "\(route.path)")
            #expect(lines.contains { $0.contains("operationId: ") })
            if route.credentials == .required { #expect(lines.contains { $0.contains("'401'") }, "\(route.path)") }
        }
    }

    @Test("a path with other methods is told from one that isn't there")
    func methods() async throws {
        let table = RouteTable(routes: try await table())
        let id = UUID()
        #expect(table.methods(at: "/api/v1/events") == ["GET", "HEAD", "POST"])
        #expect(table.methods(at: "/api/v1/tickets/\(id).svg").contains("GET"))
        #expect(table.methods(at: "/api/v1/events/\(id)/cancel") == ["POST"])
        #expect(table.methods(at: "/api/v1/events/\(id)/registrations/add") == ["POST"])
        #expect(table.methods(at: "/api/v1/events/\(id)/registrations/\(id)") == ["DELETE"])
        #expect(table.methods(at: "/api/v1/nothing").isEmpty)
        #expect(table.methods(at: "/").isEmpty)
    }
}
