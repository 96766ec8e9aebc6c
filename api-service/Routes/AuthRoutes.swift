import Bootstrap
import Domain
import HTTPTypes
import Hummingbird
import Persistence

/// Signing up, in, on and out; and what is done by links in mails.
struct AuthRoutes: Sendable {
    let registerUser: RegisterUser
    let logIn: LogIn
    let refreshSession: RefreshSession
    let logOut: LogOut
    let requestMail: RequestAccountMail
    let verifyEmail: VerifyEmail
    let resetPassword: ResetPassword
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
        switch try await registerUser.perform(email: email, password: password, displayName: displayName) {
        case .signedIn(let grant): return try answer(grant, status: .created)
        case .mailSent: return Self.accepted
        }
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

    @Sendable func verifyEmail(_ request: Request, _ context: APIContext) async throws -> Response {
        var fields = try await BodyFields(request)
        let token = Self.linkToken(&fields)
        try fields.validation.check()
        guard let token else { throw DomainError.linkInvalid }
        try await verifyEmail.perform(token)
        return Self.done
    }

    @Sendable func resendVerification(_ request: Request, _ context: APIContext) async throws -> Response {
        try await mail(.accountVerifyEmail, request)
    }

    @Sendable func requestPasswordReset(_ request: Request, _ context: APIContext) async throws -> Response {
        try await mail(.accountResetPassword, request)
    }

    @Sendable func resetPassword(_ request: Request, _ context: APIContext) async throws -> Response {
        var fields = try await BodyFields(request)
        let token = Self.linkToken(&fields)
        let password = fields.password("password")
        try fields.validation.check()
        guard let token else { throw DomainError.linkInvalid }
        try await resetPassword.perform(token, password: password)
        return Self.done
    }

    private func mail(_ kind: NotificationKind, _ request: Request) async throws -> Response {
        var fields = try await BodyFields(request)
        let email = fields.email("email")
        try fields.validation.check()
        try await requestMail.perform(kind, to: email)
        return Self.accepted
    }

    /// Nil for what can't be one of ours: as good as an unknown one.
    private static func linkToken(_ fields: inout BodyFields) -> SecretToken? {
        if !fields.has("token") { fields.validation.fail("token", "is required") }
        return fields.rawText("token").flatMap { SecretToken($0) }
    }

    /// The same for everybody: no body, no cookie.
    private static var accepted: Response { Response(status: .accepted, headers: [.cacheControl: "no-store"]) }
    private static var done: Response { Response(status: .noContent, headers: [.cacheControl: "no-store"]) }

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

    func holding(_ token: SecretToken) -> String {
        "\(Self.name)=\(token.text); Max-Age=\(Int(OpenSession.lifetime))\(attributes)"
    }

    var cleared: String { "\(Self.name)=; Max-Age=0\(attributes)" }

    func token(in request: Request) -> SecretToken? {
        request.cookies[Self.name].flatMap { SecretToken($0.value) }
    }
}
