import Bootstrap
import Domain
import HTTPTypes
import Hummingbird
import Persistence

/// Signing up, in, on and out.
struct AuthRoutes: Sendable {
    let registerUser: RegisterUser
    let logIn: LogIn
    let refreshSession: RefreshSession
    let logOut: LogOut
    let cookie: RefreshCookie

    private struct Answer: Encodable {
        var user: UserJSON
        var accessToken: String
        var expiresIn: Int
    }

    @Sendable func register(_ request: Request, _ context: APIContext) async throws -> Response {
        var fields = try await BodyFields(request)
        let email = fields.email("email")
        let password = fields.password("password")
        let displayName = fields.text("displayName", 1...100)
        try fields.validation.check()
        let grant = try await registerUser.perform(email: email, password: password, displayName: displayName)
        return try answer(grant, status: .created)
    }

    @Sendable func logIn(_ request: Request, _ context: APIContext) async throws -> Response {
        var fields = try await BodyFields(request)
        let email = fields.rawText("email")
        let password = fields.rawText("password")
        if email == nil && !fields.has("email") { fields.validation.fail("email", "is required") }
        if password == nil && !fields.has("password") { fields.validation.fail("password", "is required") }
        try fields.validation.check()
        // What can't be an address or a password of ours is as wrong as any other, at the same cost.
        var plausible = Validation()
        let address = plausible.email("email", email)
        let tried = plausible.password("password", password)
        let grant = try await logIn.perform(
            email: plausible.errors.isEmpty ? address : nil, password: plausible.errors.isEmpty ? tried : "")
        return try answer(grant, status: .ok)
    }

    @Sendable func refresh(_ request: Request, _ context: APIContext) async throws -> Response {
        guard let token = cookie.token(in: request) else { throw DomainError.notAuthenticated }
        return try answer(try await refreshSession.perform(token), status: .ok)
    }

    @Sendable func logOut(_ request: Request, _ context: APIContext) async throws -> Response {
        if let token = cookie.token(in: request) { try await logOut.perform(token) }
        return Response(status: .noContent, headers: [.setCookie: cookie.cleared, .cacheControl: "no-store"])
    }

    private func answer(_ grant: SessionGrant, status: HTTPResponse.Status) throws -> Response {
        try .json(
            Answer(user: UserJSON(grant.user), accessToken: grant.accessToken, expiresIn: grant.expiresIn),
            status: status, headers: [.setCookie: cookie.holding(grant.refreshToken)])
    }
}

/// The cookie that carries the refresh token: out of reach for scripts, sent to `/api/v1/auth` only and never from
/// another site.
struct RefreshCookie: Sendable {
    static let name = "em_refresh"
    let isSecure: Bool

    private var attributes: String {
        "; Path=/api/v1/auth; HttpOnly; SameSite=Strict" + (isSecure ? "; Secure" : "")
    }

    func holding(_ token: RefreshToken) -> String {
        "\(Self.name)=\(token.text); Max-Age=\(Int(RefreshToken.lifetime))\(attributes)"
    }

    var cleared: String { "\(Self.name)=; Max-Age=0\(attributes)" }

    func token(in request: Request) -> RefreshToken? {
        request.cookies[Self.name].flatMap { RefreshToken($0.value) }
    }
}
