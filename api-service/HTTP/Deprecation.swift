import FoundationEssentials
import HTTPTypes
import Hummingbird

/// That a route is going to end, and what takes its place: the policy of /docs.
struct Deprecation: Sendable {
    /// From when on there is something better.
    let since: Date
    /// When it ends.
    let sunset: Date
    /// The path of what takes its place.
    let successor: String

    /// Between the two at least.
    static let shortest: TimeInterval = 182 * 86_400

    init(since: Date, sunset: Date, successor: String) {
        precondition(sunset >= since + Self.shortest, "nobody is given less than six months")
        self.since = since
        self.sunset = sunset
        self.successor = successor
    }

    /// RFC 9745, RFC 8594, RFC 5829.
    var fields: HTTPFields {
        [
            .deprecation: "@\(Int(since.timeIntervalSince1970))", .sunset: Self.httpDate(sunset),
            .link: "<\(successor)>; rel=\"successor-version\"",
        ]
    }

    /// RFC 9110 §5.6.7: `Fri, 01 Jan 2027 00:00:00 GMT`.
    private static func httpDate(_ date: Date) -> String {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let parts = calendar.dateComponents([.weekday, .month], from: date)
        let weekday = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][(parts.weekday ?? 1) - 1]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let month = months[(parts.month ?? 1) - 1]
        let text = date.formatted(.iso8601)  // 2027-01-01T00:00:00Z
        let (year, day, time) = (text.prefix(4), text.dropFirst(8).prefix(2), text.dropFirst(11).prefix(8))
        return "\(weekday), \(day) \(month) \(year) \(time) GMT"
    }
}

extension HTTPField.Name {
    static let deprecation = HTTPField.Name("Deprecation")!
    static let sunset = HTTPField.Name("Sunset")!
    static let link = HTTPField.Name("Link")!
}

extension Route {
    /// The same, as one that is going to end; openapi.yaml says `deprecated: true` of it.
    func deprecated(_ deprecation: Deprecation) -> Route {
        var route = self
        route.deprecation = deprecation
        return route
    }
}

/// Says of every answer of a deprecated route, refusals too, that it is one.
struct DeprecationMiddleware: RouterMiddleware {
    private let fields: [String: HTTPFields]

    init(table: RouteTable) {
        fields = Dictionary(
            table.routes.compactMap { route in route.deprecation.map { (route.name, $0.fields) } },
            uniquingKeysWith: { $1 })
    }

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        guard !fields.isEmpty, let path = context.endpointPath else { return response }
        if let told = fields["\(request.method.rawValue) \(path)"] { response.headers.append(contentsOf: told) }
        return response
    }
}
