import Access
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Persistence

/// The routes for offline gates, and the organizers' views of scans.
struct GateRoutes: Sendable {
    let stores: Stores
    let authorization: Authorization
    let mergeScans: MergeScans
    let undoCheckIn: UndoCheckIn
    let keyring: TicketKeyring
    /// Sign the manifests.
    let keys: AccessKeys
    let manifests = ManifestCache()
    let clock: @Sendable () -> Date

    /// Above this number of changes, a gate gets the full manifest.
    private static let maximumChanges = 10_000

    /// The full current manifest; with `since`, the changes since a version. If those can't be determined, a full one
    /// that may be slightly stale: the gate then asks for the changes since its version.
    @Sendable func manifest(_ request: Request, _ context: APIContext) async throws -> Response {
        let event = try await authorization.event(
            try context.id(of: EventSubject.self), .checkIn, try context.signedIn())
        let since = QueryFields(request).raw("since")
        let known = since.map { ManifestVersion($0) } ?? request.headers[.ifNoneMatch].map(ManifestVersion.named)
        let keySet = try await keyring.keys().keySet
        // Before the tickets are read: changes in the meantime count as changes since this version.
        guard let state = try await stores.manifests.state(of: event.id, since: known??.snapshot) else {
            throw DomainError.notFound
        }
        let version = ManifestVersion(state, keys: keySet)
        var headers: HTTPFields = [.eTag: version.tag, .vary: "Authorization", .cacheControl: "no-store"]
        if let known = known ?? nil, known.database == version.database {
            if known.head == version.head, !state.hasChanged {
                headers[.eTag] = known.tag
                return Response(status: .notModified, headers: headers)
            }
            headers[.contentType] = "application/jose"
            if since != nil,
                let tickets = try await stores.manifests.changes(
                    of: event.id, since: known.snapshot, limit: Self.maximumChanges)
            {
                let changes = try CheckInManifest.changes(
                    of: try await current(event.id), version, since: known, tickets, keys: keySet,
                    signedBy: keys.signing, now: clock())
                return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: changes))
            }
        }
        let manifest = try await whole(of: event.id, version, keySet, mayBeOlder: since != nil)
        headers[.contentType] = "application/jose"
        headers[.eTag] = manifest.version.tag
        return manifest.document.response(to: request, headers)
    }

    private func whole(
        of event: EventID, _ version: ManifestVersion, _ keySet: KeySet, mayBeOlder: Bool
    ) async throws -> CheckInManifest {
        try await manifests.manifest(of: event) { kept in
            guard kept.database == version.database else { return true }
            if mayBeOlder {
                return try await stores.manifests.hasChangedMuch(
                    event, since: kept.snapshot, limit: Self.maximumChanges)
            }
            guard kept.head == version.head else { return true }
            return try await stores.manifests.state(of: event, since: kept.snapshot)?.hasChanged ?? true
        } make: {
            // Read again, because the caller may have waited for other manifests, and before the tickets: a change
            // during the build counts as one since this version.
            guard let state = try await stores.manifests.state(of: event, since: nil) else {
                throw DomainError.notFound
            }
            return try await CheckInManifest.make(
                of: try await current(event), ManifestVersion(state, keys: keySet), from: stores.manifests,
                keys: keySet, signedBy: keys.signing, now: clock())
        }
    }

    /// Read after its version, so that no one caches an older event under a newer version.
    private func current(_ event: EventID) async throws -> Event {
        guard let event = try await stores.events.find(event) else { throw DomainError.notFound }
        return event
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
