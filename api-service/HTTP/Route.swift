import HTTPTypes
import Hummingbird

/// Which credentials a route looks at.
enum Credentials: Sendable {
    /// None, whatever is sent: signing in must work with a stale token at hand.
    case ignored
    /// A person's, if there are any; what is sent must be valid.
    case optional
    /// A signed-in person's.
    case required
    /// The refresh cookie, and with it the proof that the request comes from our own pages.
    case cookie
}

/// One line of the route table.
struct Route: Sendable {
    typealias Handler = @Sendable (Request, APIContext) async throws -> Response

    let method: HTTPRequest.Method
    /// As in openapi.yaml: `/api/v1/events/{id}`.
    let path: String
    let credentials: Credentials
    let handle: Handler

    /// `GET /api/v1/events/{id}`
    var name: String { "\(method.rawValue) \(path)" }

    init(_ method: HTTPRequest.Method, _ path: String, _ credentials: Credentials, _ handle: @escaping Handler) {
        self.method = method
        self.path = path
        self.credentials = credentials
        self.handle = handle
    }

    static func get(_ path: String, _ credentials: Credentials, _ handle: @escaping Handler) -> Route {
        Route(.get, path, credentials, handle)
    }

    static func post(_ path: String, _ credentials: Credentials, _ handle: @escaping Handler) -> Route {
        Route(.post, path, credentials, handle)
    }

    static func patch(_ path: String, _ credentials: Credentials, _ handle: @escaping Handler) -> Route {
        Route(.patch, path, credentials, handle)
    }

    static func delete(_ path: String, _ credentials: Credentials, _ handle: @escaping Handler) -> Route {
        Route(.delete, path, credentials, handle)
    }
}

/// Tells 405 from 404: the framework answers both alike.
struct RouteTable: Sendable {
    let routes: [Route]

    /// The names of the methods that a path has, HEAD where there is GET.
    func methods(at path: String) -> [String] {
        let segments = path.split(separator: "/", omittingEmptySubsequences: true)
        var methods: [String] = []
        for route in routes where Self.matches(route.path, segments) && !methods.contains(route.method.rawValue) {
            methods.append(route.method.rawValue)
            if route.method == .get { methods.append("HEAD") }
        }
        return methods
    }

    private static func matches(_ template: String, _ segments: [Substring]) -> Bool {
        let wanted = template.split(separator: "/", omittingEmptySubsequences: true)
        return wanted.count == segments.count
            && zip(wanted, segments).allSatisfy { wanted, segment in
                guard wanted.hasPrefix("{"), let end = wanted.lastIndex(of: "}") else { return wanted == segment }
                return segment.hasSuffix(wanted[wanted.index(after: end)...])
            }
    }
}
