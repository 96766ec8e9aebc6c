import Access
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Persistence

/// The event routes: list, read, create, edit, publish, cancel.
struct EventRoutes: Sendable {
    let stores: Stores
    let authorization: Authorization
    let createEvent: CreateEvent
    let editEvent: EditEvent
    let publishEvent: PublishEvent
    let cancelEvent: CancelEvent
    let clock: @Sendable () -> Date

    @Sendable func list(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = QueryFields(request)
        let text = query.text("query")
        let (from, to) = (query.date("from"), query.date("to"))
        let (isMine, isAll) = (query.bool("mine"), query.bool("all"))
        let limit = query.limit()
        try query.validation.check()
        guard isMine || isAll else {
            let list = PublishedList(
                query: text, from: from, to: to, after: try query.cursor(.publishedEvents), limit: limit)
            return try await show(list, request, context)
        }
        let principal = try context.signedIn()
        try Authorization.require(isAll ? .listAllEvents : .listOwnEvents, principal)
        let page = try await stores.events.list(
            organizedBy: isAll ? nil : principal.userID, query: text, from: from, to: to,
            after: try query.cursor(.ownEvents), limit: limit)
        let now = clock()
        return try Representation(page.json(.ownEvents) { EventJSON($0, now: now) }).response(
            to: request, for: .nobody)
    }

    private func show(_ list: PublishedList, _ request: Request, _ context: APIContext) async throws -> Response {
        let now = clock()
        let second = now.wholeSecond
        let shown = try await stores.eventCache.list(list, at: second) {
            let page = try await stores.events.listPublished(
                query: list.query, from: list.from, to: list.to, now: now, after: list.after, limit: list.limit)
            return try Representation(page.json(.publishedEvents) { EventJSON($0, now: now) })
        }
        guard let shown else { throw DomainError.notFound }
        return shown.response(to: request, for: context.principal == nil ? .everyone(until: second) : .oneself)
    }

    @Sendable func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try context.id(of: EventSubject.self)
        let now = clock()
        let second = now.wholeSecond
        try Authorization.require(.viewPublishedEvent, context.principal)
        let shown = try await stores.eventCache.event(id, at: second) {
            guard let event = try await stores.events.find(id), event.storedStatus != .draft else { return nil }
            return try Self.representation(event, now)
        }
        if let shown {
            return shown.response(to: request, for: context.principal == nil ? .everyone(until: second) : .oneself)
        }
        // A draft, if it exists: visible to its team only.
        let event = try await authorization.event(id, .viewPublishedEvent, context.principal)
        return try Self.representation(event, now).response(to: request, for: .nobody)
    }

    @Sendable func create(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.createEvent, principal)
        let fields = try await BodyFields(request, context)
        let details = try EventForm().details(fields, changing: nil)
        let now = clock()
        let answered = try await createEvent.perform(
            details, by: principal.userID, once: try context.idempotentRequest(request, body: fields.bytes)
        ) { event in
            let made = try Self.representation(event, now)
            return StoredResponse(
                status: 201, body: String(buffer: made.body), location: "/api/v1/events/\(event.id)", etag: made.tag)
        }
        return Response(answered)
    }

    @Sendable func edit(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        let id = try context.id(of: EventSubject.self)
        _ = try await authorization.event(id, .editEvent, principal)
        guard let expected = ExpectedVersions(request) else { throw APIProblem.preconditionRequired }
        let fields = try await BodyFields(request, context)
        let form = EventForm()
        var confirmation = fields
        let mayBePast = confirmation.bool("confirmPast", default: false)
        try confirmation.validation.check()
        let event = try await editEvent.perform(id, expecting: expected, mayBePast: mayBePast, by: principal) {
            details in
            try form.details(fields, changing: details)
        }
        return try answer(event)
    }

    @Sendable func publish(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        let id = try context.id(of: EventSubject.self)
        _ = try await authorization.event(id, .publishEvent, principal)
        return try answer(try await publishEvent.perform(id, by: principal.userID))
    }

    @Sendable func cancel(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        let id = try context.id(of: EventSubject.self)
        _ = try await authorization.event(id, .cancelEvent, principal)
        return try answer(try await cancelEvent.perform(id, by: principal))
    }

    private func answer(_ event: Event) throws -> Response {
        let changed = try Self.representation(event, clock())
        return Response(
            status: .ok,
            headers: [.contentType: "application/json", .cacheControl: "no-store", .eTag: changed.tag],
            body: ResponseBody(byteBuffer: changed.body))
    }

    private static func representation(_ event: Event, _ now: Date) throws -> Representation {
        try Representation(EventJSON(event, now: now), version: event.version)
    }

}

/// Parses event details from a request: a complete form, or a JSON merge patch (RFC 7396) on stored ones.
struct EventForm: Sendable {
    /// - Throws: ``DomainError/validationFailed(_:)`` with every error.
    func details(_ body: BodyFields, changing stored: EventDetails?) throws -> EventDetails {
        var fields = body
        let read = Self.read(&fields, stored)
        let broken = Set(fields.validation.errors.map(\.field))
        let brokeATime = !broken.isDisjoint(with: Self.times)
        let (details, errors) = Self.checked(read)
        // An unreadable field has a placeholder here, whose errors are not reported again.
        for error in errors where !broken.contains(error.field) && !(brokeATime && Self.times.contains(error.field)) {
            fields.validation.fail(error.field, error.violation)
        }
        try fields.validation.check()
        return details
    }

    private static func checked(_ details: EventDetails) -> (EventDetails, [FieldError]) {
        do {
            return (try details.validated(), [])
        } catch {
            if case .validationFailed(let errors) = error { return (details, errors) }
            return (details, [])
        }
    }

    private static let times: Set<String> = [
        "startsAt", "endsAt", "registrationOpensAt", "registrationClosesAt", "checkInOpensAt",
    ]

    /// An absent field keeps the stored value; `null` clears it.
    private static func read(_ fields: inout BodyFields, _ stored: EventDetails?) -> EventDetails {
        func takes(_ name: String) -> Bool { stored == nil || fields.has(name) }
        let standIn = Date(timeIntervalSince1970: 0)
        var details =
            stored
            ?? EventDetails(
                title: "", description: "", venue: "", startsAt: standIn, endsAt: standIn.addingTimeInterval(1),
                timeZone: "UTC", capacity: 1)
        if takes("title") { details.title = fields.rawText("title") ?? "" }
        if takes("description") { details.description = fields.rawText("description") ?? "" }
        if takes("venue") { details.venue = fields.rawText("venue") ?? "" }
        if takes("timeZone") { details.timeZone = fields.rawText("timeZone") ?? "" }
        if takes("startsAt") { details.startsAt = fields.date("startsAt") ?? details.startsAt }
        if takes("endsAt") { details.endsAt = fields.date("endsAt") ?? details.endsAt }
        if takes("capacity") { details.capacity = fields.int("capacity") ?? details.capacity }
        if takes("waitlistEnabled") {
            details.waitlistEnabled = fields.bool("waitlistEnabled", default: false)
        }
        if takes("promoteAfterClose") {
            details.promoteAfterClose = fields.bool("promoteAfterClose", default: true)
        }
        if takes("registrationOpensAt") { details.registrationOpensAt = fields.optionalDate("registrationOpensAt") }
        if takes("registrationClosesAt") { details.registrationClosesAt = fields.optionalDate("registrationClosesAt") }
        if takes("checkInOpensAt") { details.checkInOpensAt = fields.optionalDate("checkInOpensAt") }
        return details
    }
}
