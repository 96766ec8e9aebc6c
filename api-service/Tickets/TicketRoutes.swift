import Access
import Bootstrap
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Persistence

/// A ticket in each of its formats.
struct TicketRoutes: Sendable {
    let stores: Stores
    let authorization: Authorization
    let printer: TicketPrinter
    let pictures = TicketPictures()
    let reissueTicket: ReissueTicket
    let publicURL: PublicURL
    let clock: @Sendable () -> Date

    @Sendable func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let ticket = try await find(context).ticket
        guard ticket.userID == (try context.signedIn()).userID else { return try .json(TicketJSON(ticket)) }
        let offer = try await stores.transfers.openOffer(of: ticket.id, now: clock())
        return try .json(HeldTicketJSON(ticket: TicketJSON(ticket), transfer: offer.map(TransferJSON.init)))
    }

    @Sendable func svg(_ request: Request, _ context: APIContext) async throws -> Response {
        try await picture(.svg, type: "image/svg+xml", request, context)
    }

    @Sendable func png(_ request: Request, _ context: APIContext) async throws -> Response {
        try await picture(.png, type: "image/png", request, context)
    }

    /// The image of a ticket never changes, so a cached one is always valid.
    private func picture(
        _ format: TicketPictures.Format, type: String, _ request: Request, _ context: APIContext
    ) async throws -> Response {
        let ticket = try await find(context).ticket
        let headers = Self.tagged("\"\(format.rawValue).\(ticket.code)\"")
        if Self.isKnown(request, headers) { return Response(status: .notModified, headers: headers) }
        return .bytes(try pictures.picture(format, of: ticket), type: type, headers: headers)
    }

    @Sendable func pdf(_ request: Request, _ context: APIContext) async throws -> Response {
        let ticket = try await find(context).ticket
        guard let printed = try await stores.documents.printed(ticket.id) else { throw DomainError.notFound }
        let page = TicketPage(ticket: printed)
        let fingerprint = page.fingerprint
        var headers = Self.tagged("\"\(Base64URL.encode(fingerprint.prefix(12)))\"")
        if Self.isKnown(request, headers) { return Response(status: .notModified, headers: headers) }
        headers[.contentDisposition] = "inline; filename=\"ticket-\(ticket.code).pdf\""
        return .bytes(
            try await printer.document(page, fingerprint: fingerprint), type: "application/pdf", headers: headers)
    }

    private static func tagged(_ tag: String) -> HTTPFields {
        [.eTag: tag, .vary: "Authorization", .cacheControl: "no-store"]
    }

    private static func isKnown(_ request: Request, _ headers: HTTPFields) -> Bool {
        guard let known = request.headers[.ifNoneMatch], let tag = headers[.eTag] else { return false }
        return Representation.names(known, tag)
    }

    private struct ReissuedJSON: Encodable {
        var registrationId: RegistrationID
        var revokedTicketId: TicketID
    }

    @Sendable func reissue(_ request: Request, _ context: APIContext) async throws -> Response {
        let ticket = try await find(context, .reissueTicket).ticket
        try await reissueTicket.perform(ticket.id, by: try context.signedIn())
        return try .json(
            ReissuedJSON(registrationId: ticket.registrationID, revokedTicketId: ticket.id), status: .accepted)
    }

    @Sendable func calendar(_ request: Request, _ context: APIContext) async throws -> Response {
        let found = try await find(context)
        let (ticket, event) = (found.ticket, found.event)
        let isCalledOff = event.storedStatus == .cancelled || found.isCancelled
        let entry = CalendarEntry(
            method: isCalledOff ? .cancel : .publish, uid: "\(ticket.registrationID)@\(publicURL.host)",
            // As in the emails: a cancellation comes after what it cancels (RFC 5546 3.2.5).
            sequence: found.eventVersion + found.transfers + (found.isCancelled ? 1 : 0), title: event.title,
            location: event.venue,
            startsAt: event.startsAt, endsAt: event.endsAt, stampedAt: clock(),
            url: publicURL.link("/events/\(event.id)"))
        return .text(
            entry.text(), type: "text/calendar; charset=utf-8",
            headers: [.contentDisposition: "attachment; filename=\"event-\(event.id).ics\""])
    }

    private func find(_ context: APIContext, _ action: Action = .viewTicket) async throws -> TicketDetail {
        let principal = try context.signedIn()
        guard let found = try await stores.tickets.find(try context.id(of: TicketSubject.self)) else {
            throw DomainError.notFound
        }
        try await authorization.require(action, principal, of: found.ticket.userID, in: found.ticket.eventID)
        return found
    }
}
