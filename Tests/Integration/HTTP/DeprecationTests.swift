@testable import api_service
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import TestSupport
import Testing

@Suite("Routes that are going to end")
struct DeprecationTests {
    @Test("every answer of one says since when, until when and what takes its place; other routes' answers don't")
    func fields() async throws {
        let deprecation = Deprecation(
            since: Date(timeIntervalSince1970: 1_777_593_600), sunset: Date(timeIntervalSince1970: 1_798_761_600),
            successor: "/api/v2/things")
        let things: Route.Handler = { request, _ in
            if request.uri.path.hasSuffix("/0") { throw DomainError.notFound }
            return .text("thing", type: "text/plain")
        }
        let table = RouteTable(routes: [
            Route.get("/api/v1/things/{id}", .ignored, things).deprecated(deprecation),
            .get("/api/v1/others/{id}", .ignored, things),
        ])
        let router = Router(context: APIContext.self)
        router.add(middleware: DeprecationMiddleware(table: table))
        router.add(middleware: ProblemMiddleware(table: table))
        for route in table.routes { router.on(RouterPath(route.path), method: route.method, use: route.handle) }
        let (ports, announce) = AsyncStream.makeStream(of: Int.self)
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { announce.yield($0.localAddress?.port ?? 0) }, logger: Broker.quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            for await port in ports {
                let client = LoopbackClient(port: port)
                for (id, status) in [("1", 200), ("0", 404)] {
                    let old = try await client.get("/api/v1/things/\(id)")
                    #expect(old.status == status)
                    #expect(old.headers["deprecation"] == "@1777593600")
                    #expect(old.headers["sunset"] == "Fri, 01 Jan 2027 00:00:00 GMT")
                    #expect(old.headers["link"] == "</api/v2/things>; rel=\"successor-version\"")
                    let other = try await client.get("/api/v1/others/\(id)")
                    #expect(other.status == status)
                    #expect(other.headers["deprecation"] == nil && other.headers["sunset"] == nil)
                }
                break
            }
            group.cancelAll()
            do { while try await group.next() != nil {} } catch {}  // the application was cancelled
        }
    }
}
