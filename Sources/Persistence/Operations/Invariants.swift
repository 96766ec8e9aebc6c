public import Domain
public import FoundationEssentials

/// A condition that must hold between rows, whatever has happened. The raw value is a stable name: clients decide by
/// it.
public enum Invariant: String, Sendable, CaseIterable {
    // Capacity
    case placesMissing = "places-missing"
    case confirmedCounter = "confirmed-counter"
    case waitlistedCounter = "waitlisted-counter"
    case oversold
    case idlePlaces = "idle-places"
    case lineNumberAhead = "line-number-ahead"
    case lineNumberTwice = "line-number-twice"
    case overtakenInLine = "overtaken-in-line"
    case registeredTwice = "registered-twice"
    // Tickets and check-in
    case ticketMissing = "ticket-missing"
    case ticketTwice = "ticket-twice"
    case ticketWithoutPlace = "ticket-without-place"
    case ticketMismatch = "ticket-mismatch"
    case checkInMismatch = "check-in-mismatch"
    case checkInAfterRevocation = "check-in-after-revocation"
    case admittedWithoutPlace = "admitted-without-place"
    case admittedTwice = "admitted-twice"
    // Messages and emails
    case sequenceBroken = "sequence-broken"
    case sequenceCounter = "sequence-counter"
    case publishedWithoutSequence = "published-without-sequence"
    case unpublished
    case unshown
    case notificationOverdue = "notification-overdue"
    case stepsOverdue = "steps-overdue"

    public enum Severity: String, Sendable, CaseIterable {
        /// Rows contradict each other. A bug or tampering, which waiting does not fix.
        case violation
        /// Work that should have been done by now. It may still complete: a server is unreachable, or a worker stopped.
        case stuck
    }

    public var severity: Severity {
        switch self {
        case .ticketMissing, .unpublished, .unshown, .notificationOverdue, .stepsOverdue: .stuck
        default: .violation
        }
    }

    /// What is wrong when it does not hold.
    public var meaning: String {
        switch self {
        case .placesMissing: "an event has no capacity counters"
        case .confirmedCounter: "the confirmed counter differs from the number of confirmed registrations"
        case .waitlistedCounter: "the waitlist counter differs from the number of waitlisted registrations"
        case .oversold: "more registrations are confirmed than the event has spots"
        case .idlePlaces: "people are on the waitlist although spots are free and promotion is open"
        case .lineNumberAhead: "a waitlist number is higher than the last one given out"
        case .lineNumberTwice: "a waitlist number was given out twice"
        case .overtakenInLine: "someone is still on the waitlist although a later number was promoted"
        case .registeredTwice: "a person has more than one active registration for an event"
        case .ticketMissing: "a confirmed registration has no valid ticket yet"
        case .ticketTwice: "a registration has more than one valid ticket"
        case .ticketWithoutPlace:
            "a ticket is valid although its registration is not confirmed or its event is canceled"
        case .ticketMismatch: "a ticket's event or person differs from its registration's"
        case .checkInMismatch: "a check-in's event or registration differs from its ticket's"
        case .checkInAfterRevocation: "a ticket was checked in after it had been revoked"
        case .admittedWithoutPlace: "someone is checked in whose registration is not confirmed"
        case .admittedTwice: "a registration was checked in more than once"
        case .sequenceBroken: "an event's messages are not numbered consecutively"
        case .sequenceCounter: "an event's message counter differs from its highest message number"
        case .publishedWithoutSequence: "a message was published without a number"
        case .unpublished: "a message is waiting to be published"
        case .unshown: "a change has not reached browsers"
        case .notificationOverdue: "a notification should have been sent by now"
        case .stepsOverdue: "work done in steps has stalled"
        }
    }
}

public struct InvariantFinding: Sendable {
    public struct Example: Sendable {
        public var eventID: EventID?
        /// The registration, ticket, check-in, message, notification or person concerned, depending on the invariant.
        public var subjectID: UUID?
        public var detail: String
        /// The age, in seconds; only for stuck work.
        public var age: Int?
    }

    public var invariant: Invariant
    /// The total number of occurrences.
    public var count: Int
    /// The age in seconds of the oldest; only for stuck work.
    public var oldestAge: Int?
    /// The first few of them, oldest first.
    public var examples: [Example]
}

/// The result of a check of the whole database.
public struct InvariantReport: Sendable {
    /// The number of rows checked: a clean report about nothing is meaningless.
    public struct Scope: Sendable {
        public var events = 0
        public var registrations = 0
        public var tickets = 0
        /// Facts in the event log.
        public var messages = 0
        /// Decisions that are being carried out in steps: rows that don't match them yet are valid.
        public var pendingSteps = 0
    }

    /// When the check began.
    public var at: Date
    public var scope: Scope
    /// Violations first; empty when everything holds.
    public var findings: [InvariantFinding]

    /// The worst of the findings; nil when everything holds.
    public var severity: Invariant.Severity? {
        if findings.contains(where: { $0.invariant.severity == .violation }) { return .violation }
        return findings.isEmpty ? nil : .stuck
    }

    /// Adds the results of another step.
    mutating func add(_ other: InvariantReport) {
        scope.events += other.scope.events
        scope.registrations += other.scope.registrations
        scope.tickets += other.scope.tickets
        scope.messages += other.scope.messages
        scope.pendingSteps += other.scope.pendingSteps
        for finding in other.findings {
            if let index = findings.firstIndex(where: { $0.invariant == finding.invariant }) {
                findings[index].add(finding)
            } else {
                findings.append(finding)
            }
        }
    }

    /// Violations first, each kind in the order of its declaration.
    mutating func sort() {
        let order = Invariant.allCases
        findings.sort { left, right in
            let (one, other) = (left.invariant, right.invariant)
            if one.severity != other.severity { return one.severity == .violation }
            return order.firstIndex(of: one) ?? 0 < order.firstIndex(of: other) ?? 0
        }
    }
}

extension InvariantFinding {
    fileprivate mutating func add(_ other: InvariantFinding) {
        count += other.count
        oldestAge = [oldestAge, other.oldestAge].compactMap(\.self).max()
        examples = Array(
            (examples + other.examples).sorted { ($0.age ?? 0) > ($1.age ?? 0) }.prefix(InvariantStore.exampleLimit))
    }
}
