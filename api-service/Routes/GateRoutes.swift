import Access
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Persistence

/// What gates without the network need, and what organizers see of the scans.
struct GateRoutes: Sendable {
    let stores: Stores
    let authorization: Authorization
    let mergeScans: MergeScans
    let undoCheckIn: UndoCheckIn
    let keyring: TicketKeyring
    /// Signs manifests.
    /// Sign the lists for gates.
    let keys: AccessKeys
    let manifests = ManifestCache()
    let clock: @Sendable () -> Date

    @Sendable func manifest(_ request: Request, _ context: APIContext) async throws -> Response {
        let event = try await authorization.event(
            try context.id(of: EventSubject.self), .checkIn, try context.signedIn())
        // Before the tickets are read: what changes meanwhile makes another stamp.
        guard let stamp = try await stores.manifests.stamp(of: event.id) else { throw DomainError.notFound }
        let keySet = try await keyring.keys().keySet
        let tagged = "\(stamp).\(keySet.keys.map { String($0.id.prefix(6)) }.joined())"
        var headers: HTTPFields = [
            .eTag: "\"\(tagged)\"", .vary: "Authorization", .cacheControl: "no-store",
        ]
        if let known = request.headers[.ifNoneMatch], Representation.names(known, "\"\(tagged)\"") {
            return Response(status: .notModified, headers: headers)
        }
        let manifest = try await manifests.manifest(of: event.id, tag: "\"\(tagged)\"") {
            // Behind the stamp as well: nobody shall keep an event from before under the name of one after.
            guard let current = try await stores.events.find(event.id) else { throw DomainError.notFound }
            return try await CheckInManifest(
                of: current, try await stores.manifests.tickets(of: event.id), keys: keySet, stamp: tagged,
                signedBy: keys.signing, now: clock())
        }
        headers[.contentType] = "application/jose"
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: manifest.body))
    }

    private struct MergedJSON: Encodable {
        struct Result: Encodable {
            var scanId: String?
            var device: String?
            var outcome: CheckInJSON

            func encode(to encoder: any Encoder) throws {
                try outcome.encode(to: encoder)
                var container = encoder.container(keyedBy: CodingKeys.self)
                try container.encode(scanId, forKey: .scanId)
                try container.encode(device, forKey: .device)
            }

            private enum CodingKeys: CodingKey { case scanId, device }
        }

        var results: [Result]
    }

    @Sendable func merge(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        let event = try await authorization.event(try context.id(of: EventSubject.self), .checkIn, principal)
        var fields = try await BodyFields(request, context)
        let scans = fields.objects("scans", 0...MergeScans.limit) { one in
            MergeScans.Sent(
                code: one.text("code", 1...512),
                scan: Scan(
                    gate: one.optionalText("gate", maximum: 100), device: one.text("device", 1...100),
                    scanID: one.text("scanId", 1...100), at: one.date("scannedAt") ?? .distantPast),
                letIn: one.bool("admitted", default: true))
        }
        try fields.validation.check()
        let outcomes = try await mergeScans.perform(scans, at: event.id, by: principal)
        return try .json(
            MergedJSON(
                results: zip(scans, outcomes).map {
                    .init(scanId: $0.scan.scanID, device: $0.scan.device, outcome: CheckInJSON($1))
                }))
    }

    @Sendable func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let event = try await authorization.event(
            try context.id(of: EventSubject.self), .checkIn, try context.signedIn())
        return try await context.page(.scans, of: QueryFields(request), ScanJSON.init) {
            try await stores.checkIns.list(of: event.id, after: $0, limit: $1)
        }
    }

    private struct ConflictJSON: Encodable {
        var kind: String
        var ticketId: TicketID?
        var attendee: AttendeeNameJSON?
        var scans: [ScanJSON]

        init(_ conflict: ScanConflict) {
            kind = conflict.kind.rawValue
            ticketId = conflict.scans.first?.ticketID
            attendee = conflict.scans.first.flatMap(AttendeeNameJSON.init)
            scans = conflict.scans.map(ScanJSON.init)
        }
    }

    @Sendable func conflicts(_ request: Request, _ context: APIContext) async throws -> Response {
        let event = try await authorization.event(
            try context.id(of: EventSubject.self), .viewConflicts, try context.signedIn())
        return try await context.page(.scanConflicts, of: QueryFields(request), ConflictJSON.init) {
            try await stores.checkIns.conflicts(of: event.id, after: $0, limit: $1)
        }
    }

    private struct UndoneJSON: Encodable {
        var checkInId: CheckInID
        var eventId: EventID
        var ticketId: TicketID?
        var undoneAt: Date?
        var reason: String?
    }

    @Sendable func undo(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        let id = try context.id(of: CheckInSubject.self)
        guard let scan = try await stores.checkIns.find(id) else { throw DomainError.notFound }
        let membership = try await stores.events.membership(of: principal.userID, in: scan.eventID)
        try Authorization.require(.undoCheckIn, principal, Relation(membership))
        var fields = try await BodyFields(request, context)
        let reason = fields.text("reason", 1...500)
        try fields.validation.check()
        let undone = try await undoCheckIn.perform(id, because: reason, by: principal)
        return try .json(
            UndoneJSON(
                checkInId: undone.id, eventId: undone.eventID, ticketId: undone.ticketID, undoneAt: undone.undoneAt,
                reason: undone.undoReason))
    }
}
