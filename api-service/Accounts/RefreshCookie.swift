import Bootstrap
import Domain
import HTTPTypes
import Hummingbird
import Persistence

/// The cookie with the refresh token: inaccessible to scripts, and never sent from another site.
///
/// Over HTTPS and on localhost it is a `__Host-` cookie (RFC 6265bis §4.1.3.2): browsers accept that only with
/// `Secure`, for the whole host and from the host itself, so that neither a sibling domain nor an attacker on an
/// unencrypted connection can plant one. Over plain HTTP on another host browsers reject such cookies: there it has no
/// prefix and no `Secure`, and is sent to `/api/v1/auth` only. That is for trials in a closed network only.
struct RefreshCookie: Sendable {
    let name: String
    private let attributes: String

    init(_ publicURL: PublicURL) {
        let isTrustworthy = publicURL.isSecure || publicURL.isLocal
        name = isTrustworthy ? "__Host-em_refresh" : "em_refresh"
        attributes =
            (isTrustworthy ? "; Path=/; Secure" : "; Path=/api/v1/auth") + "; HttpOnly; SameSite=Strict"
    }

    func holding(_ token: SecretToken) -> String {
        "\(name)=\(token.text); Max-Age=\(Int(OpenSession.lifetime))\(attributes)"
    }

    var cleared: String { "\(name)=; Max-Age=0\(attributes)" }

    func token(in request: Request) -> SecretToken? {
        request.cookies[name].flatMap { SecretToken($0.value) }
    }

    private struct Answer: Encodable {
        var user: UserJSON
        var accessToken: String
        var expiresIn: Int
    }

    /// The response to a browser that signed in or refreshed.
    func answer(
        _ grant: SessionGrant, status: HTTPResponse.Status, headers: HTTPFields = [:]
    ) throws -> Response {
        var headers = headers
        headers[.setCookie] = holding(grant.refreshToken)
        return try .json(
            Answer(user: UserJSON(grant.user), accessToken: grant.accessToken, expiresIn: grant.expiresIn),
            status: status, headers: headers)
    }
}
