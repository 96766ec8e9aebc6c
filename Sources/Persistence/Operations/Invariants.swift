public import Domain
public import FoundationEssentials

/// Something that must hold between rows, whatever has happened. The raw value is a stable name: programs decide by it.
public enum Invariant: String, Sendable, CaseIterable {
    // The places
    case placesMissing = "places-missing"
    case confirmedCounter = "confirmed-counter"
    case waitlistedCounter = "waitlisted-counter"
    case oversold
    case idlePlaces = "idle-places"
    case lineNumberAhead = "line-number-ahead"
    case lineNumberTwice = "line-number-twice"
    case overtakenInLine = "overtaken-in-line"
    case registeredTwice = "registered-twice"
    // Tickets and the gate
    case ticketMissing = "ticket-missing"
    case ticketTwice = "ticket-twice"
    case ticketWithoutPlace = "ticket-without-place"
    case ticketMismatch = "ticket-mismatch"
    case checkInMismatch = "check-in-mismatch"
    case checkInAfterRevocation = "check-in-after-revocation"
    case admittedWithoutPlace = "admitted-without-place"
    case admittedTwice = "admitted-twice"
    // What is owed to others
    case sequenceBroken = "sequence-broken"
    case sequenceCounter = "sequence-counter"
    case publishedWithoutSequence = "published-without-sequence"
    case unpublished
    case unshown
    case notificationOverdue = "notification-overdue"
    case stepsOverdue = "steps-overdue"

    public enum Severity: String, Sendable, CaseIterable {
        /// Rows contradict each other. This never happens by itself, and waiting does not mend it.
        case violation
        /// Work that should have been done by now. It may still be done: a server is away, a worker stopped.
        case stuck
    }

    public var severity: Severity {
        switch self {
        case .ticketMissing, .unpublished, .unshown, .notificationOverdue, .stepsOverdue: .stuck
        default: .violation
        }
    }

    /// What is wrong where it does not hold.
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

/// Where an invariant does not hold.
public struct InvariantFinding: Sendable {
    public struct Example: Sendable {
        public var eventID: EventID?
        /// The registration, ticket, check-in, message, notification or person that it is about, as the invariant says.
        public var subjectID: UUID?
        public var detail: String
        /// Since when, in seconds; only of what is stuck.
        public var age: Int?
    }

    public var invariant: Invariant
    /// How often, in all.
    public var count: Int
    /// The age in seconds of the oldest; only of what is stuck.
    public var oldestAge: Int?
    /// The first few of them, the oldest first.
    public var examples: [Example]
}

/// What one look at the whole database has found.
public struct InvariantReport: Sendable {
    /// How many rows there were to look at: a clean report about nothing says nothing.
    public struct Scope: Sendable {
        public var events = 0
        public var registrations = 0
        public var tickets = 0
        /// Facts in the event log.
        public var messages = 0
        /// Decisions that are followed step by step, and have not been to the end: rows that don't match them yet are right.
        public var pendingSteps = 0
    }

    /// When the look began.
    public var at: Date
    public var scope: Scope
    /// Violations first; empty when everything holds.
    public var findings: [InvariantFinding]

    /// The worst of the findings; nil when everything holds.
    public var severity: Invariant.Severity? {
        if findings.contains(where: { $0.invariant.severity == .violation }) { return .violation }
        return findings.isEmpty ? nil : .stuck
    }

    /// Takes in what was found elsewhere.
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
