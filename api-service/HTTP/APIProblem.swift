import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

/// An error response: RFC 9457, with a stable `type`, the trace and, for invalid input, the fields.
struct APIProblem: Error, Sendable {
    /// Permanently stable; clients decide by it.
    var slug: String
    var status: HTTPResponse.Status
    /// A sentence for people.
    var title: String
    var detail: String?
    var errors: [FieldError] = []
    /// For `messages-pruned`: the oldest sequence that is still available.
    var oldest: String?
    /// For `scope-missing`: the scope that the API key would need.
    var scope: APIScope?
    /// For `not-authenticated` at a refresh: true if the session was ended elsewhere instead of expiring.
    var sessionEnded: Bool?
    var headers = HTTPFields()

    init(
        _ slug: String, _ status: HTTPResponse.Status, _ title: String, detail: String? = nil,
        errors: [FieldError] = [], headers: HTTPFields = [:]
    ) {
        self.slug = slug
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = errors
        self.headers = headers
    }

    var statusCode: Int { status.code }

    private struct Document: Encodable {
        var type: String
        var title: String
        var status: Int
        var detail: String?
        var traceId: String?
        var errors: [FieldError]?
        var oldest: String?
        var scope: APIScope?
        var sessionEnded: Bool?
    }

    func response(traceID: String?) -> Response {
        let document = Document(
            type: slug, title: title, status: statusCode, detail: detail, traceId: traceID,
            errors: errors.isEmpty ? nil : errors, oldest: oldest, scope: scope,
            sessionEnded: sessionEnded)
        var headers = headers
        headers[.contentType] = "application/problem+json"
        headers[.cacheControl] = "no-store"
        // Plain values always encode; otherwise, the status would still be right.
        let body = (try? WireJSON.encode(document)) ?? []
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
}

extension APIProblem {
    static let malformedJSON = APIProblem(
        "malformed-json", .badRequest, "The body is not a JSON object that can be read.")
    static let badCursor = APIProblem(
        "bad-cursor", .badRequest, "This cursor doesn't belong to this list. Start again from its first page.")
    static let unsupportedMediaType = APIProblem(
        "unsupported-media-type", .unsupportedMediaType, "Send the body as application/json.")
    static let payloadTooLarge = APIProblem(
        "payload-too-large", .contentTooLarge, "The body is larger than this route accepts.")
    static let tokenExpired = APIProblem(
        "token-expired", .unauthorized, "The access token has expired. Ask for a new one.",
        headers: [.wwwAuthenticate: #"Bearer error="invalid_token""#])
    /// Makes a browser clear its data of someone who was signed out, perhaps because the device was lost: tickets, and
    /// lists of names (Clear Site Data, W3C). Scripts can't see that header, so the document says it too.
    static let sessionEnded: APIProblem = {
        var problem = ProblemMiddleware.problem(.notAuthenticated)
        problem.sessionEnded = true
        problem.headers[.clearSiteData] = #""cache", "storage""#
        return problem
    }()
    static let preconditionRequired = APIProblem(
        "precondition-required", .preconditionRequired, "Send If-Match with the version that you have seen.")
    static let badRequest = APIProblem("bad-request", .badRequest, "The request can't be understood.")

    static func unavailable(retryAfter seconds: Int = 2) -> APIProblem {
        APIProblem(
            "unavailable", .serviceUnavailable, "This can't be done at the moment. Nothing happened; try again soon.",
            headers: [.retryAfter: "\(seconds)"])
    }

    static let outcomeUnknown = APIProblem(
        "outcome-unknown", .serviceUnavailable,
        "The connection to the database was lost while this was being stored. Look whether it happened before trying "
            + "again.",
        headers: [.retryAfter: "2"])
    static let internalError = APIProblem(
        "internal-error", .internalServerError, "Something went wrong on our side. Nothing happened.")

    static func methodNotAllowed(_ methods: [String]) -> APIProblem {
        APIProblem(
            "method-not-allowed", .methodNotAllowed, "This can't be done here.",
            headers: [.allow: methods.sorted().joined(separator: ", ")])
    }
}

extension HTTPField.Name {
    static let clearSiteData = HTTPField.Name("Clear-Site-Data")!
}
