import Bootstrap
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Persistence

/// Sign-up, sign-in, token refresh and sign-out; and actions of emailed links.
struct AuthRoutes: Sendable {
    let registerUser: RegisterUser
    let logIn: LogIn
    let refreshSession: RefreshSession
    let logOut: LogOut
    let requestMail: RequestAccountMail
    let verifyEmail: VerifyEmail
    let resetPassword: ResetPassword
    let changeEmail: ChangeEmail
    let signInByLink: SignInByLink
    let signInGuard: SignInGuard
    let mailGuard: MailGuard
    let clients: ClientAddresses
    let cookie: RefreshCookie

    @Sendable func register(_ request: Request, _ context: APIContext) async throws -> Response {
        var fields = try await BodyFields(request, context)
        let email = fields.email("email")
        let displayName = fields.text("displayName", 1...100)
        let password = fields.newPassword("password", of: [email, displayName])
        let language = fields.optionalChoice("language", of: Language.allCases) ?? .english
        try fields.validation.check()
        let origin = clients.origin(of: request, context)
        let limits = try await mailGuard.admit(mailTo: email, from: origin)
        let outcome = try await registerUser.perform(
            email: email, password: password, displayName: displayName, language: language, from: origin)
        switch outcome {
        case .signedIn(let grant): return try cookie.answer(grant, status: .created, headers: limits)
        case .mailSent: return Self.accepted(limits)
        }
    }

    @Sendable func logIn(_ request: Request, _ context: APIContext) async throws -> Response {
        var fields = try await BodyFields(request, context)
        let email = fields.rawText("email").map(BodyFields.asciiAddress)
        let password = fields.secretText("password")
        if email == nil && !fields.has("email") { fields.validation.fail("email", .required) }
        if password == nil && !fields.has("password") { fields.validation.fail("password", .required) }
        try fields.validation.check()
        // An impossible address or password is as wrong as any other, at the same cost.
        var plausible = Validation()
        let address = plausible.email("email", email)
        let tried = plausible.password("password", password)
        let isPlausible = plausible.errors.isEmpty
        let origin = clients.origin(of: request, context)
        let (grant, limits) = try await signInGuard.attempt(on: address, from: origin) {
            try await logIn.perform(
                email: isPlausible ? address : nil, password: isPlausible ? tried : "", from: origin)
        }
        return try cookie.answer(grant, status: .ok, headers: limits)
    }

    @Sendable func refresh(_ request: Request, _ context: APIContext) async throws -> Response {
        guard let token = cookie.token(in: request) else { throw DomainError.notAuthenticated }
        return try cookie.answer(try await refreshSession.perform(token), status: .ok)
    }

    @Sendable func logOut(_ request: Request, _ context: APIContext) async throws -> Response {
        if let token = cookie.token(in: request) { try await logOut.perform(token) }
        return Response(status: .noContent, headers: [.setCookie: cookie.cleared, .cacheControl: "no-store"])
    }

    @Sendable func confirmEmail(_ request: Request, _ context: APIContext) async throws -> Response {
        try await follow(request, context) { try await changeEmail.confirm($0) }
    }

    private struct ProvenJSON: Encodable {
        var passwordToken: String
    }

    @Sendable func verifyEmail(_ request: Request, _ context: APIContext) async throws -> Response {
        var next: SecretToken?
        let answer = try await follow(request, context) { next = try await verifyEmail.perform($0) }
        guard let next else { return answer }
        return try .json(ProvenJSON(passwordToken: next.text))
    }

    @Sendable func signInByLink(_ request: Request, _ context: APIContext) async throws -> Response {
        var fields = try await BodyFields(request, context)
        let token = Self.linkToken(&fields)
        try fields.validation.check()
        guard let token else { throw DomainError.linkInvalid }
        let grant = try await signInByLink.perform(token, from: clients.origin(of: request, context))
        return try cookie.answer(grant, status: .ok)
    }

    @Sendable func resendVerification(_ request: Request, _ context: APIContext) async throws -> Response {
        try await mail(.accountVerifyEmail, request, context)
    }

    @Sendable func requestPasswordReset(_ request: Request, _ context: APIContext) async throws -> Response {
        try await mail(.accountResetPassword, request, context)
    }

    @Sendable func resetPassword(_ request: Request, _ context: APIContext) async throws -> Response {
        var fields = try await BodyFields(request, context)
        let token = Self.linkToken(&fields)
        let password = fields.newPassword("password", of: [])
        try fields.validation.check()
        guard let token else { throw DomainError.linkInvalid }
        if let email = try await resetPassword.perform(
            token, password: password, from: clients.origin(of: request, context))
        {
            await signInGuard.pardon(email)
        }
        return Self.done
    }

    private func mail(
        _ kind: NotificationKind, _ request: Request, _ context: APIContext
    ) async throws -> Response {
        var fields = try await BodyFields(request, context)
        let email = fields.email("email")
        try fields.validation.check()
        let limits = try await mailGuard.admit(mailTo: email, from: clients.origin(of: request, context))
        try await requestMail.perform(kind, to: email)
        return Self.accepted(limits)
    }

    /// Performs the action of an emailed link.
    private func follow(
        _ request: Request, _ context: APIContext, _ act: (SecretToken) async throws -> Void
    ) async throws -> Response {
        var fields = try await BodyFields(request, context)
        let token = Self.linkToken(&fields)
        try fields.validation.check()
        guard let token else { throw DomainError.linkInvalid }
        try await act(token)
        return Self.done
    }

    /// Nil for what can't be a token of ours: same as an unknown one.
    private static func linkToken(_ fields: inout BodyFields) -> SecretToken? {
        if !fields.has("token") { fields.validation.fail("token", .required) }
        return fields.rawText("token").flatMap { SecretToken($0) }
    }

    /// The same for everyone: no body, no cookie.
    private static func accepted(_ limits: HTTPFields) -> Response {
        var headers = limits
        headers[.cacheControl] = "no-store"
        return Response(status: .accepted, headers: headers)
    }
    private static var done: Response { Response(status: .noContent, headers: [.cacheControl: "no-store"]) }
}
