import Access
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Persistence

struct TransferRoutes: Sendable {
    let stores: Stores
    let authorization: Authorization
    let transferTicket: TransferTicket
    let mailGuard: MailGuard
    let clients: ClientAddresses

    @Sendable func offer(_ request: Request, _ context: APIContext) async throws -> Response {
        let (ticket, principal) = try await own(context)
        var fields = try await BodyFields(request, context)
        let email = fields.email("email")
        try fields.validation.check()
        try await mailGuard.admit(
            mailTo: email, by: principal.userID, from: clients.origin(of: request, context))
        let offered = try await transferTicket.offer(ticket.id, to: email, by: principal)
        return try .json(TransferJSON(offered), status: .accepted)
    }

    @Sendable func withdraw(_ request: Request, _ context: APIContext) async throws -> Response {
        let (ticket, principal) = try await own(context)
        try await transferTicket.withdraw(ticket, by: principal)
        return Response(status: .noContent)
    }

    private struct AcceptedJSON: Encodable {
        var registrationId: RegistrationID
    }

    @Sendable func accept(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.acceptTransfer, principal)
        var fields = try await BodyFields(request, context)
        if !fields.has("token") { fields.validation.fail("token", .required) }
        let token = fields.rawText("token").flatMap { SecretToken($0) }
        try fields.validation.check()
        return try .json(AcceptedJSON(registrationId: try await transferTicket.accept(token, by: principal)))
    }

    /// Only the holder can transfer a ticket; an organizer gets 403.
    private func own(_ context: APIContext) async throws -> (Ticket, Principal) {
        let principal = try context.signedIn()
        guard let found = try await stores.tickets.find(try context.id(of: TicketSubject.self)) else {
            throw DomainError.notFound
        }
        try await authorization.require(
            .transferTicket, principal, of: found.ticket.userID, in: found.ticket.eventID)
        return (found.ticket, principal)
    }
}
