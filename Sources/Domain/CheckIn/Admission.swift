public import FoundationEssentials

/// A scan with which a gate admitted someone.
public struct Admission: Hashable, Sendable {
    public var id: CheckInID
    /// By the device's clock.
    public var at: Date
    public var gate: String?
    public var device: String?
    /// The device's id for the scan.
    public var scanID: String?

    public init(id: CheckInID, at: Date, gate: String?, device: String?, scanID: String?) {
        self.id = id
        self.at = at
        self.gate = gate
        self.device = device
        self.scanID = scanID
    }

    /// Whether this scan is earlier. Decided only by what the devices recorded, never by when or in which order they
    /// reported it, so that every merge order has the same result.
    func precedes(_ other: Admission) -> Bool {
        if at != other.at { return at < other.at }
        let (mine, theirs) = ((device ?? "", scanID ?? ""), (other.device ?? "", other.scanID ?? ""))
        return mine == theirs ? id < other.id : mine < theirs
    }
}

/// All admissions of one registration that were not undone: one of them counts, the others are conflicts.
public struct Admissions: Sendable {
    /// In order, one per device: a second scan on the same device was refused there and admitted no one.
    private let inOrder: [Admission]
    private let isCaught: Set<CheckInID>

    public init(_ admissions: some Sequence<Admission>) {
        var seen: Set<String> = []
        var inOrder: [Admission] = []
        var isCaught: Set<CheckInID> = []
        for admission in admissions.sorted(by: { $0.precedes($1) }) {
            if let device = admission.device, !seen.insert(device).inserted {
                isCaught.insert(admission.id)
            } else {
                inOrder.append(admission)
            }
        }
        self.inOrder = inOrder
        self.isCaught = isCaught
    }

    /// The one that counts.
    public var first: Admission? { inOrder.first }

    /// Whether several gates admitted someone with this ticket.
    public var isConflict: Bool { inOrder.count > 1 }

    /// The conflicting admission, seen from one of them: from the first the second, from all others the first.
    public func conflict(with admission: CheckInID) -> Admission? {
        guard isConflict, !isCaught.contains(admission) else { return nil }
        return inOrder.first { $0.id != admission }
    }
}

/// What is known about a ticket when an offline scan is judged.
public struct ScannedTicket: Hashable, Sendable {
    public var revokedAt: Date?
    public var checkInOpensAt: Date?
    public var eventCancelledAt: Date?

    public init(revokedAt: Date?, checkInOpensAt: Date?, eventCancelledAt: Date? = nil) {
        self.revokedAt = revokedAt
        self.checkInOpensAt = checkInOpensAt
        self.eventCancelledAt = eventCancelledAt
    }

    /// Why this ticket admits no one, or nil.
    /// - Parameters:
    ///   - time: the scan's, by the device's clock.
    ///   - isOffline: whether only what had happened by then counts.
    public func refusal(at time: Date, isOffline: Bool) -> CheckInResult? {
        let now = isOffline ? time : .distantFuture
        if let eventCancelledAt, now >= eventCancelledAt { return .eventCancelled }
        if let revokedAt, now >= revokedAt { return .revoked }
        if let checkInOpensAt, time < checkInOpensAt { return .notYetValid }
        return nil
    }

    /// The correct result of a scan at that moment, regardless of other admissions: a ticket that was revoked later was
    /// valid.
    /// - Parameter letIn: the gate's decision; it can have known of an earlier scan.
    public func judge(scanAt at: Date, letIn: Bool) -> CheckInResult {
        refusal(at: at, isOffline: true) ?? (letIn ? .admitted : .duplicate)
    }
}
