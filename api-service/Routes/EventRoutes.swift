import Access
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Persistence

/// Events: found, shown, made, changed, published, called off.
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
        let isMine = query.bool("mine")
        let limit = query.limit()
        try query.validation.check()
        let now = clock()
        guard isMine else {
            let page = try await stores.events.listPublished(
                query: text, from: from, to: to, now: now, after: try query.cursor(.publishedEvents), limit: limit)
            return try .json(page.json(.publishedEvents) { EventJSON($0, now: now) })
        }
        let principal = try context.signedIn()
        try Authorization.require(.listOwnEvents, principal)
        let page = try await stores.events.list(
            organizedBy: principal.userID, query: text, from: from, to: to, after: try query.cursor(.ownEvents),
            limit: limit)
        return try .json(page.json(.ownEvents) { EventJSON($0, now: now) })
    }

    @Sendable func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let event = try await authorization.event(
            try context.id(of: EventSubject.self), .viewPublishedEvent, context.principal)
        return try answer(event)
    }

    @Sendable func create(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.createEvent, principal)
        let details = try await EventForm(stores: stores).details(try await BodyFields(request), changing: nil)
        let event = try await createEvent.perform(details, by: principal.userID)
        return try answer(event, status: .created, headers: [.location: "/api/v1/events/\(event.id)"])
    }

    @Sendable func edit(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        let id = try context.id(of: EventSubject.self)
        _ = try await authorization.event(id, .editEvent, principal)
        let version = try Self.expectedVersion(request)
        let fields = try await BodyFields(request)
        let form = EventForm(stores: stores)
        let event = try await editEvent.perform(id, expecting: version, by: principal) { details in
            try await form.details(fields, changing: details)
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

    private func answer(
        _ event: Event, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) throws -> Response {
        var headers = headers
        headers[.eTag] = "\"\(event.version)\""
        return try .json(EventJSON(event, now: clock()), status: status, headers: headers)
    }

    /// The version in If-Match: `"7"`; `*` would be a blind write and is refused like any other.
    static func expectedVersion(_ request: Request) throws -> Int {
        guard let header = request.headers[.ifMatch] else { throw APIProblem.preconditionRequired }
        let text = header.filter { $0 != " " }
        guard text.count >= 3, text.hasPrefix("\""), text.hasSuffix("\""),
            let version = Int(text.dropFirst().dropLast())
        else { throw DomainError.versionMismatch }
        return version
    }
}

/// Reads the details of an event from a form: a whole one, or a JSON merge patch (RFC 7396) on stored ones.
struct EventForm: Sendable {
    let stores: Stores

    /// - Throws: ``DomainError/validationFailed(_:)`` with everything that is wrong.
    func details(_ body: BodyFields, changing stored: EventDetails?) async throws -> EventDetails {
        var fields = body
        let read = Self.read(&fields, stored)
        let broken = Set(fields.validation.errors.map(\.field))
        let brokeATime = !broken.isDisjoint(with: Self.times)
        let (details, errors) = Self.checked(read)
        // A field that could not be read has a stand-in here, of which nothing more is to be said.
        for error in errors where !broken.contains(error.field) && !(brokeATime && Self.times.contains(error.field)) {
            fields.validation.fail(error.field, error.message)
        }
        if !fields.validation.errors.contains(where: { $0.field == "timeZone" }),
            try await !stores.events.isKnownTimeZone(details.timeZone)
        {
            fields.validation.fail("timeZone", "must be an IANA time zone name")
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

    /// A field that is absent keeps what is stored; `null` empties it.
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
        if takes("registrationOpensAt") { details.registrationOpensAt = fields.optionalDate("registrationOpensAt") }
        if takes("registrationClosesAt") { details.registrationClosesAt = fields.optionalDate("registrationClosesAt") }
        if takes("checkInOpensAt") { details.checkInOpensAt = fields.optionalDate("checkInOpensAt") }
        return details
    }
}
