import Bootstrap
import Domain
import FoundationEssentials
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
    let changeEmail: ChangeEmail
    let signInGuard: SignInGuard
    let mailGuard: MailGuard
    let clients: ClientAddresses
    let cookie: RefreshCookie

    @Sendable func register(_ request: Request, _ context: APIContext) async throws -> Response {
        var fields = try await BodyFields(request)
        let email = fields.email("email")
        let displayName = fields.text("displayName", 1...100)
        let password = fields.newPassword("password", of: [email, displayName])
        let language = fields.optionalChoice("language", of: Language.allCases) ?? .english
        try fields.validation.check()
        let outcome = try await registerUser.perform(
            email: email, password: password, displayName: displayName, language: language, device: request.device)
        switch outcome {
        case .signedIn(let grant): return try cookie.answer(grant, status: .created)
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
        let isPlausible = plausible.errors.isEmpty
        let (grant, limits) = try await signInGuard.attempt(on: address, from: clients.network(of: request, context)) {
            try await logIn.perform(
                email: isPlausible ? address : nil, password: isPlausible ? tried : "", device: request.device)
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
        try await follow(request) { try await changeEmail.confirm($0) }
    }

    @Sendable func verifyEmail(_ request: Request, _ context: APIContext) async throws -> Response {
        try await follow(request) { try await verifyEmail.perform($0) }
    }

    @Sendable func resendVerification(_ request: Request, _ context: APIContext) async throws -> Response {
        try await mail(.accountVerifyEmail, request, context)
    }

    @Sendable func requestPasswordReset(_ request: Request, _ context: APIContext) async throws -> Response {
        try await mail(.accountResetPassword, request, context)
    }

    @Sendable func resetPassword(_ request: Request, _ context: APIContext) async throws -> Response {
        var fields = try await BodyFields(request)
        let token = Self.linkToken(&fields)
        let password = fields.newPassword("password", of: [])
        try fields.validation.check()
        guard let token else { throw DomainError.linkInvalid }
        if let email = try await resetPassword.perform(token, password: password) {
            await signInGuard.pardon(email)
        }
        return Self.done
    }

    private func mail(
        _ kind: NotificationKind, _ request: Request, _ context: APIContext
    ) async throws -> Response {
        var fields = try await BodyFields(request)
        let email = fields.email("email")
        try fields.validation.check()
        let limits = try await mailGuard.admit(mailTo: email, from: clients.network(of: request, context))
        try await requestMail.perform(kind, to: email)
        var answer = Self.accepted
        answer.headers.append(contentsOf: limits)
        return answer
    }

    /// Does what a mailed link stands for.
    private func follow(_ request: Request, _ act: (SecretToken) async throws -> Void) async throws -> Response {
        var fields = try await BodyFields(request)
        let token = Self.linkToken(&fields)
        try fields.validation.check()
        guard let token else { throw DomainError.linkInvalid }
        try await act(token)
        return Self.done
    }

    /// Nil for what can't be one of ours: as good as an unknown one.
    private static func linkToken(_ fields: inout BodyFields) -> SecretToken? {
        if !fields.has("token") { fields.validation.fail("token", "is required") }
        return fields.rawText("token").flatMap { SecretToken($0) }
    }

    /// The same for everybody: no body, no cookie.
    private static var accepted: Response { Response(status: .accepted, headers: [.cacheControl: "no-store"]) }
    private static var done: Response { Response(status: .noContent, headers: [.cacheControl: "no-store"]) }
}
