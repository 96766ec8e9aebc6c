import Access
import Bootstrap
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Persistence
import QRCode

/// A ticket in each of its forms.
struct TicketRoutes: Sendable {
    let stores: Stores
    let authorization: Authorization
    let printer: TicketPrinter
    let reissueTicket: ReissueTicket
    let publicURL: PublicURL
    let clock: @Sendable () -> Date

    @Sendable func show(_ request: Request, _ context: APIContext) async throws -> Response {
        try .json(TicketJSON(try await find(context).ticket))
    }

    @Sendable func svg(_ request: Request, _ context: APIContext) async throws -> Response {
        let ticket = try await find(context).ticket
        return try unlessKnown(request, "svg", ticket.code) {
            let symbol = try QRSymbol(text: ticket.qrText)
            return .text(symbol.svg(title: "Ticket \(ticket.code)"), type: "image/svg+xml", headers: $0)
        }
    }

    @Sendable func png(_ request: Request, _ context: APIContext) async throws -> Response {
        let ticket = try await find(context).ticket
        return try unlessKnown(request, "png", ticket.code) {
            .bytes(try QRSymbol(text: ticket.qrText).png(modulePixels: 8), type: "image/png", headers: $0)
        }
    }

    /// The picture of a ticket never changes: whoever has it needs no other.
    private func unlessKnown(
        _ request: Request, _ format: String, _ code: String, _ make: (HTTPFields) throws -> Response
    ) rethrows -> Response {
        let headers = Self.tagged("\"\(format).\(code)\"")
        if Self.isKnown(request, headers) { return Response(status: .notModified, headers: headers) }
        return try make(headers)
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
        [.eTag: tag, .vary: "Authorization", .cacheControl: "private, max-age=0, must-revalidate"]
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
            // As in the mails: leaving comes after what it takes back (RFC 5546 3.2.5).
            sequence: found.eventVersion + (found.isCancelled ? 1 : 0), title: event.title, location: event.venue,
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
