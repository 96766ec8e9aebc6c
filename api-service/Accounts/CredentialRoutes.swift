import Access
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Persistence

/// Actions of a signed-in person that require the password: change the password or the email, delete or export the
/// account.
struct CredentialRoutes: Sendable {
    let stores: Stores
    let changePassword: ChangePassword
    let changeEmail: ChangeEmail
    let deleteAccount: DeleteAccount
    let reauthenticate: Reauthenticate
    let recentSignIn: RecentSignIn
    let signInGuard: SignInGuard
    let mailGuard: MailGuard
    let clients: ClientAddresses
    let cookie: RefreshCookie
    let clock: @Sendable () -> Date

    @Sendable func password(_ request: Request, _ context: APIContext) async throws -> Response {
        let (principal, user) = try await owner(context)
        var fields = try await BodyFields(request, context)
        let current = fields.currentPassword("currentPassword")
        let new = fields.newPassword("newPassword", of: [user.email, user.displayName])
        try fields.validation.check()
        let grant = try await attempt("currentPassword", user, request, context) {
            try await changePassword.perform(
                by: principal, current: current, to: new, from: clients.origin(of: request, context))
        }
        return try cookie.answer(grant, status: .ok)
    }

    @Sendable func email(_ request: Request, _ context: APIContext) async throws -> Response {
        let (principal, user) = try await owner(context)
        var fields = try await BodyFields(request, context)
        let email = fields.email("email")
        let password = fields.currentPassword("password")
        try fields.validation.check()
        let limits = try await mailGuard.admit(
            mailTo: email, by: principal.userID, from: clients.origin(of: request, context))
        try await attempt("password", user, request, context) {
            try await changeEmail.request(
                email, by: principal, password: password, from: clients.origin(of: request, context))
        }
        var headers = limits
        headers[.cacheControl] = "no-store"
        return Response(status: .accepted, headers: headers)
    }

    @Sendable func delete(_ request: Request, _ context: APIContext) async throws -> Response {
        let (principal, user) = try await owner(context)
        var fields = try await BodyFields(request, context)
        let password = fields.currentPassword("password")
        try fields.validation.check()
        try await attempt("password", user, request, context) {
            try await deleteAccount.perform(
                by: principal, password: password, from: clients.origin(of: request, context))
        }
        return Response(status: .noContent, headers: [.setCookie: cookie.cleared, .cacheControl: "no-store"])
    }

    @Sendable func reauthenticate(_ request: Request, _ context: APIContext) async throws -> Response {
        let (principal, user) = try await owner(context)
        var fields = try await BodyFields(request, context)
        let password = fields.currentPassword("password")
        try fields.validation.check()
        try await attempt("password", user, request, context) {
            try await reauthenticate.perform(
                principal, password: password, from: clients.origin(of: request, context))
        }
        return Response(status: .noContent, headers: [.cacheControl: "no-store"])
    }

    @Sendable func export(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.viewOwnAccount, principal)
        try await recentSignIn.require(of: principal)
        guard let document = try await AccountExport(stores.database).document(of: principal.userID) else {
            throw DomainError.notAuthenticated
        }
        return .text(
            document, type: "application/json",
            headers: [.contentDisposition: #"attachment; filename="em-connect-account.json""#])
    }

    private func owner(_ context: APIContext) async throws -> (Principal, User) {
        let principal = try context.signedIn()
        try Authorization.require(.editOwnAccount, principal)
        guard let user = try await stores.users.find(principal.userID) else { throw DomainError.notAuthenticated }
        return (principal, user)
    }

    /// Under the same guard as sign-in, so that an open session doesn't bypass it. A wrong password is reported for its
    /// field, because the session itself is valid.
    @discardableResult
    private func attempt<Value: Sendable>(
        _ field: String, _ user: User, _ request: Request, _ context: APIContext,
        _ perform: () async throws -> Value
    ) async throws -> Value {
        try await signInGuard.attempt(
            on: user.email, from: clients.origin(of: request, context),
            refusal: .validationFailed([FieldError(field: field, .wrongPassword)]), perform
        ).0
    }
}

extension BodyFields {
    /// An existing password, unvalidated: only the hash decides.
    mutating func currentPassword(_ name: String) -> String {
        guard let text = secretText(name), !text.isEmpty else {
            validation.fail(name, .required)
            return ""
        }
        var plausible = Validation()
        let tried = plausible.password(name, text)
        return plausible.errors.isEmpty ? tried : ""
    }
}
