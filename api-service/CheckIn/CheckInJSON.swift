import Domain
import FoundationEssentials
import Persistence

/// The attendee shown to a gate.
struct AttendeeNameJSON: Encodable {
    var displayName: String
    var registrationId: RegistrationID

    init?(_ name: String?, _ registration: RegistrationID?) {
        guard let name, let registration else { return nil }
        displayName = name
        registrationId = registration
    }

    init?(_ scan: RecordedScan) { self.init(scan.attendeeName, scan.registrationID) }
}

/// The result of a scan.
struct CheckInJSON: Encodable {
    struct OtherScan: Encodable {
        var at: Date
        @Nullable var gate: String?
        @Nullable var device: String?

        init(_ scan: CheckInOutcome.OtherScan) {
            at = scan.at
            gate = scan.gate
            device = scan.device
        }
    }

    var result: CheckInResult
    var attendee: AttendeeNameJSON?
    var ticketId: TicketID?
    var checkInId: CheckInID?
    var at: Date?
    var firstScan: OtherScan?
    var conflict: OtherScan?

    init(_ outcome: CheckInOutcome) {
        result = outcome.result
        attendee = AttendeeNameJSON(outcome.attendeeName, outcome.registrationID)
        ticketId = outcome.ticketID
        checkInId = outcome.checkInID
        at = outcome.at
        firstScan = outcome.firstScan.map(OtherScan.init)
        conflict = outcome.conflict.map(OtherScan.init)
    }
}

struct ScanJSON: Encodable {
    var id: CheckInID
    var result: CheckInResult
    /// By the device's clock.
    var at: Date
    var receivedAt: Date
    @Nullable var gate: String?
    @Nullable var device: String?
    @Nullable var scanId: String?
    var offline: Bool
    @Nullable var ticketId: TicketID?
    @Nullable var attendee: AttendeeNameJSON?
    @Nullable var undoneAt: Date?
    @Nullable var undoReason: String?

    init(_ scan: RecordedScan) {
        id = scan.id
        result = scan.result
        at = scan.at
        receivedAt = scan.receivedAt
        gate = scan.gate
        device = scan.device
        scanId = scan.scanID
        offline = scan.isOffline
        ticketId = scan.ticketID
        attendee = AttendeeNameJSON(scan)
        undoneAt = scan.undoneAt
        undoReason = scan.undoReason
    }
}
