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
    let publicURL: PublicURL
    let clock: @Sendable () -> Date

    @Sendable func show(_ request: Request, _ context: APIContext) async throws -> Response {
        try .json(TicketJSON(try await find(context).ticket))
    }

    @Sendable func svg(_ request: Request, _ context: APIContext) async throws -> Response {
        let ticket = try await find(context).ticket
        let symbol = try QRSymbol(text: ticket.qrText)
        return .text(symbol.svg(title: "Ticket \(ticket.code)"), type: "image/svg+xml")
    }

    @Sendable func png(_ request: Request, _ context: APIContext) async throws -> Response {
        let ticket = try await find(context).ticket
        return .bytes(try QRSymbol(text: ticket.qrText).png(modulePixels: 8), type: "image/png")
    }

    @Sendable func calendar(_ request: Request, _ context: APIContext) async throws -> Response {
        let (ticket, event, _) = try await find(context)
        let entry = CalendarEntry(
            method: event.storedStatus == .cancelled ? .cancel : .publish,
            uid: "\(ticket.registrationID)@\(publicURL.host)", title: event.title, location: event.venue,
            startsAt: event.startsAt, endsAt: event.endsAt, stampedAt: clock(),
            url: publicURL.link("/events/\(event.id)"))
        return .text(
            entry.text(), type: "text/calendar; charset=utf-8",
            headers: [.contentDisposition: "attachment; filename=\"event-\(event.id).ics\""])
    }

    private func find(
        _ context: APIContext
    ) async throws -> (ticket: Ticket, event: EventSummary, holderName: String) {
        let principal = try context.signedIn()
        guard let found = try await stores.tickets.find(try context.id(of: TicketSubject.self)) else {
            throw DomainError.notFound
        }
        try await authorization.require(.viewTicket, principal, of: found.ticket.userID, in: found.ticket.eventID)
        return found
    }
}
