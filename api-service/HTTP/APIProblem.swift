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
    /// For `capacity-below-confirmed`: the number of confirmed registrations.
    var confirmed: Int?
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
        var confirmed: Int?
        var scope: APIScope?
        var sessionEnded: Bool?
    }

    func response(traceID: String?) -> Response {
        let document = Document(
            type: slug, title: title, status: statusCode, detail: detail, traceId: traceID,
            errors: errors.isEmpty ? nil : errors, oldest: oldest, confirmed: confirmed, scope: scope,
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
        "malformed-json", .badRequest, "The request body must be a valid JSON object.")
    static let badCursor = APIProblem(
        "bad-cursor", .badRequest, "Invalid cursor. Start again from the first page.")
    static let unsupportedMediaType = APIProblem(
        "unsupported-media-type", .unsupportedMediaType, "The request body must be sent as application/json.")
    static let payloadTooLarge = APIProblem(
        "payload-too-large", .contentTooLarge, "The request body is too large.")
    static let tokenExpired = APIProblem(
        "token-expired", .unauthorized, "The access token has expired. Request a new one.",
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
        "precondition-required", .preconditionRequired,
        "The If-Match header is missing. Send the version that you last read.")
    static let badRequest = APIProblem("bad-request", .badRequest, "The request is malformed.")

    static func unavailable(retryAfter seconds: Int = 2) -> APIProblem {
        APIProblem(
            "unavailable", .serviceUnavailable,
            "The service is temporarily unavailable. Nothing was changed. Try again shortly.",
            headers: [.retryAfter: "\(seconds)"])
    }

    static let outcomeUnknown = APIProblem(
        "outcome-unknown", .serviceUnavailable,
        "The connection to the database was lost while saving. Check whether the change was saved before you try again.",
        headers: [.retryAfter: "2"])
    static let internalError = APIProblem(
        "internal-error", .internalServerError, "Something went wrong on our side. Nothing was changed.")

    static func methodNotAllowed(_ methods: [String]) -> APIProblem {
        APIProblem(
            "method-not-allowed", .methodNotAllowed, "This method is not allowed here.",
            headers: [.allow: methods.sorted().joined(separator: ", ")])
    }
}

extension HTTPField.Name {
    static let clearSiteData = HTTPField.Name("Clear-Site-Data")!
}
