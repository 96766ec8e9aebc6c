import Access
import Domain
import FoundationEssentials
import Hummingbird
import Persistence

struct CheckInRoutes: Sendable {
    let authorization: Authorization
    let checkIn: CheckIn
    let clock: @Sendable () -> Date

    @Sendable func scan(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        let event = try await authorization.event(try context.id(of: EventSubject.self), .checkIn, principal)
        var fields = try await BodyFields(request, context)
        let code = fields.text("code", 1...512)
        let gate = fields.optionalText("gate", maximum: 100)
        let device = fields.optionalText("device", maximum: 100)
        let scanID = fields.optionalText("scanId", maximum: 100)
        let scannedAt = fields.optionalDate("scannedAt")
        try fields.validation.check()
        // A device whose clock is ahead doesn't admit anyone early.
        let now = clock()
        let scan = Scan(gate: gate, device: device, scanID: scanID, at: min(scannedAt ?? now, now))
        let answered = try await checkIn.perform(
            code, at: event.id, scan: scan, by: principal,
            once: try context.idempotentRequest(request, body: fields.bytes)
        ) { try .json(CheckInJSON($0)) }
        return Response(answered)
    }
}
