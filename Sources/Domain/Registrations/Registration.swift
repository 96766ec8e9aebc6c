public import FoundationEssentials

public enum RegistrationStatus: String, Codable, Sendable, CaseIterable {
    case confirmed, waitlisted, cancelled
}

/// A person's registration for an event.
public struct Registration: Hashable, Sendable {
    public var id: RegistrationID
    public var eventID: EventID
    public var userID: UserID
    public var status: RegistrationStatus
    /// The waitlist position, from 1; only while waitlisted.
    public var position: Int?
    public var createdAt: Date
    public var confirmedAt: Date?
    public var cancelledAt: Date?
    /// The message of the organizer who removed the person.
    public var cancellationReason: String?

    public init(
        id: RegistrationID, eventID: EventID, userID: UserID, status: RegistrationStatus, position: Int?,
        createdAt: Date, confirmedAt: Date?, cancelledAt: Date?, cancellationReason: String? = nil
    ) {
        self.id = id
        self.eventID = eventID
        self.userID = userID
        self.status = status
        self.position = position
        self.createdAt = createdAt
        self.confirmedAt = confirmedAt
        self.cancelledAt = cancelledAt
        self.cancellationReason = cancellationReason
    }
}

/// The result of a scan.
public enum CheckInResult: String, Codable, Sendable, CaseIterable {
    case admitted, duplicate, revoked, wrongEvent, notYetValid, eventCancelled, unknown
}
