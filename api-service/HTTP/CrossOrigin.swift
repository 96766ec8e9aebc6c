import Bootstrap
import HTTPTypes
import Hummingbird

/// CORS for listed origins (Fetch standard, "CORS protocol"): their pages use an access token of their own in the
/// header, never our cookie, which no response allows. For other origins there is no permission, and browsers withhold
/// the response.
struct CrossOrigin: RouterMiddleware {
    typealias Context = APIContext

    /// As browsers write them.
    let origins: Set<String>
    let table: RouteTable

    /// - Parameter list: origins separated by commas, such as `https://partner.example,https://other.example:8443`.
    /// - Throws: `Problem`.
    static func origins(_ list: String) throws -> Set<String> {
        Set(try list.split(whereSeparator: { $0 == "," || $0 == " " }).map { try PublicURL(String($0)).origin })
    }

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        guard !origins.isEmpty else { return try await next(request, context) }
        guard let origin = request.headers[.origin], origins.contains(origin) else {
            var response = try await next(request, context)
            Self.vary(&response)
            return response
        }
        var response =
            if request.method == .options, request.headers[.accessControlRequestMethod] != nil {
                preflight(request)
            } else {
                try await next(request, context)
            }
        response.headers[.accessControlAllowOrigin] = origin
        response.headers[.accessControlExposeHeaders] =
            "ETag, Location, Retry-After, Idempotency-Replayed, WWW-Authenticate, Content-Disposition, traceparent"
        Self.vary(&response)
        return response
    }

    /// A preflight request, sent by a browser before anything that a form could not send: answered without credentials.
    private func preflight(_ request: Request) -> Response {
        Response(
            status: .noContent,
            headers: [
                .accessControlAllowMethods: table.methods(at: request.uri.path).joined(separator: ", "),
                .accessControlAllowHeaders:
                    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, traceparent",
                .accessControlMaxAge: "600",
            ])
    }

    /// A response to one origin is not for another.
    private static func vary(_ response: inout Response) {
        response.headers[.vary] = [response.headers[.vary], "Origin"].compactMap(\.self).joined(separator: ", ")
    }
}
