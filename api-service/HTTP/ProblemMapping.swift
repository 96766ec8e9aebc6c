import Access
import Domain
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import PasswordHashing
import Postgres

/// The one place where an error becomes a response.
///
/// It wraps everything that can throw, including the framework's own refusals.
struct ProblemMiddleware: RouterMiddleware {
    typealias Context = APIContext

    let table: RouteTable

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let problem = problem(for: error, request)
            if problem.status.code >= 500 {
                context.logger.log(
                    level: problem.slug == "unavailable" ? .warning : .error, "request failed",
                    metadata: ["problem": "\(problem.slug)", "error": "\(loggable(error))"])
            }
            return problem.response(traceID: TraceContext.current?.traceID)
        }
    }

    private func problem(for error: any Error, _ request: Request) -> APIProblem {
        switch error {
        case let problem as APIProblem: problem
        case let error as DomainError: Self.problem(error)
        case let error as PostgresError: Self.problem(error)
        case is RegistrationBatcher.Overloaded: .unavailable(retryAfter: 1)
        case let error as HashingError: error.isRetriable ? .unavailable(retryAfter: 5) : .internalError
        case is CancellationError: .unavailable()
        case is NIOTooManyBytesError: .payloadTooLarge
        case let error as any HTTPResponseError: problem(framework: error, request)
        default: .internalError
        }
    }

    static func problem(_ error: DomainError) -> APIProblem {
        var problem = APIProblem(error.slug, status(of: error), error.title)
        if case .validationFailed(let errors) = error { problem.errors = errors }
        if case .capacityBelowConfirmed(let confirmed) = error { problem.confirmed = confirmed }
        if case .notAuthenticated = error { problem.headers[.wwwAuthenticate] = "Bearer" }
        if case .requestInFlight = error { problem.headers[.retryAfter] = "1" }
        return problem
    }

    private static func status(of error: DomainError) -> HTTPResponse.Status {
        switch error {
        case .validationFailed, .idempotencyKeyReused: .unprocessableContent
        case .notFound: .notFound
        case .forbidden, .emailNotVerified, .accountLocked, .reauthenticationRequired: .forbidden
        case .notAuthenticated, .invalidCredentials: .unauthorized
        case .emailTaken, .full, .registrationNotOpen, .registrationClosed, .alreadyRegistered, .alreadyCancelled,
            .alreadyPosted,
            .eventNotPublished, .eventCancelled, .eventEnded, .capacityBelowConfirmed, .lastAdmin, .eventsAhead,
            .ownerStays,
            .notCheckedIn, .alreadyCheckedIn, .limitReached, .subscriptionNotActive, .requestInFlight:
            .conflict
        case .versionMismatch: .preconditionFailed
        case .tooManyTransfers: .tooManyRequests
        case .linkInvalid: .gone
        }
    }

    static func problem(_ error: PostgresError) -> APIProblem {
        if error.outcomeUnknown { return .outcomeUnknown }
        return switch error.kind {
        case .cancelled, .closed: .unavailable()
        default: error.isRetriable ? .unavailable() : .internalError
        }
    }

    private func problem(framework error: any HTTPResponseError, _ request: Request) -> APIProblem {
        switch error.status {
        case .notFound:
            let methods = table.methods(at: request.uri.path)
            return methods.isEmpty || methods.contains(request.method.rawValue)
                ? Self.problem(.notFound) : .methodNotAllowed(methods)
        case .contentTooLarge: return .payloadTooLarge
        case .unsupportedMediaType: return .unsupportedMediaType
        default: return (400..<500).contains(error.status.code) ? .badRequest : .internalError
        }
    }

    /// The loggable part of an error: our own errors are safe to log, of others only the type is.
    private func loggable(_ error: any Error) -> String {
        switch error {
        case let error as PostgresError: error.description
        case let error as HashingError: "\(error)"
        case let error as APIProblem: error.slug
        default: String(reflecting: type(of: error))
        }
    }
}
