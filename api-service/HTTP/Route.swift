import Access
import HTTPTypes
import Hummingbird

/// The credentials that a route accepts.
enum Credentials: Sendable {
    /// None, whatever is sent: signing in must work with a stale token.
    case ignored
    /// A person's, if there are any; what is sent must be valid.
    case optional
    /// A signed-in person's.
    case required
    /// The same for read-only routes that have to respond when the database is unreachable: then the token's role
    /// counts.
    case requiredAtAllTimes
    /// The refresh cookie, with proof that the request comes from our own pages.
    case cookie
}

/// An entry of the route table.
struct Route: Sendable {
    typealias Handler = @Sendable (Request, APIContext) async throws -> Response

    let method: HTTPRequest.Method
    /// As in openapi.yaml: `/api/v1/events/{id}`.
    let path: String
    let credentials: Credentials
    /// The action, if an API key can perform it; nil for signed-in people only.
    let action: Action?
    let handle: Handler
    /// Maximum body size: a larger one is refused before it is parsed.
    private(set) var bodyLimit = Route.usualBodyLimit

    /// Enough for the longest texts of most routes, with every character escaped.
    static let usualBodyLimit = 16 * 1024
    /// Enough for an event's texts, an announcement's, or the scans of an offline gate.
    static let longBodyLimit = 256 * 1024

    /// The same route with another maximum body size.
    func taking(_ bytes: Int) -> Route {
        var route = self
        route.bodyLimit = bytes
        return route
    }

    /// Whether it changes who is signed in, or how.
    var signsInOrOut: Bool { method == .post && path.hasPrefix("/api/v1/auth/") }

    /// `GET /api/v1/events/{id}`
    var name: String { "\(method.rawValue) \(path)" }

    init(
        _ method: HTTPRequest.Method, _ path: String, _ credentials: Credentials, _ handle: @escaping Handler,
        _ action: Action? = nil
    ) {
        self.method = method
        self.path = path
        self.credentials = credentials
        self.action = action
        self.handle = handle
    }

    static func get(
        _ path: String, _ credentials: Credentials, _ handle: @escaping Handler, _ action: Action? = nil
    ) -> Route {
        Route(.get, path, credentials, handle, action)
    }

    static func post(
        _ path: String, _ credentials: Credentials, _ handle: @escaping Handler, _ action: Action? = nil
    ) -> Route {
        Route(.post, path, credentials, handle, action)
    }

    static func put(
        _ path: String, _ credentials: Credentials, _ handle: @escaping Handler, _ action: Action? = nil
    ) -> Route {
        Route(.put, path, credentials, handle, action)
    }

    static func patch(
        _ path: String, _ credentials: Credentials, _ handle: @escaping Handler, _ action: Action? = nil
    ) -> Route {
        Route(.patch, path, credentials, handle, action)
    }

    static func delete(
        _ path: String, _ credentials: Credentials, _ handle: @escaping Handler, _ action: Action? = nil
    ) -> Route {
        Route(.delete, path, credentials, handle, action)
    }
}

/// Distinguishes 405 from 404: the framework treats both alike.
struct RouteTable: Sendable {
    let routes: [Route]

    /// The methods of a path, including HEAD where there is GET.
    func methods(at path: String) -> [String] {
        let segments = path.split(separator: "/", omittingEmptySubsequences: true)
        // As in the router, a literal segment precedes a parameter that would match it too.
        let matching = routes.compactMap { route in
            Self.likeness(route.path, segments).map { (route: route, likeness: $0) }
        }
        let most = matching.map(\.likeness).max()
        var methods: [String] = []
        for (route, likeness) in matching where likeness == most && !methods.contains(route.method.rawValue) {
            methods.append(route.method.rawValue)
            if route.method == .get { methods.append("HEAD") }
        }
        return methods
    }

    /// How many segments of a path match the template literally, those with a common suffix counting one half; nil if
    /// the path doesn't match the template.
    private static func likeness(_ template: String, _ segments: [Substring]) -> Double? {
        let wanted = template.split(separator: "/", omittingEmptySubsequences: true)
        guard wanted.count == segments.count else { return nil }
        var likeness = 0.0
        for (wanted, segment) in zip(wanted, segments) {
            guard wanted.hasPrefix("{"), let end = wanted.lastIndex(of: "}") else {
                guard wanted == segment else { return nil }
                likeness += 1
                continue
            }
            let ending = wanted[wanted.index(after: end)...]
            guard segment.hasSuffix(ending) else { return nil }
            if !ending.isEmpty { likeness += 0.5 }
        }
        return likeness
    }
}
