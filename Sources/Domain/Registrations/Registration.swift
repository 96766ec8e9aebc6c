public import FoundationEssentials

public enum RegistrationStatus: String, Codable, Sendable, CaseIterable {
    case confirmed, waitlisted, cancelled
}

/// A person's place, or place in line.
public struct Registration: Hashable, Sendable {
    public var id: RegistrationID
    public var eventID: EventID
    public var userID: UserID
    public var status: RegistrationStatus
    /// The place in line, from 1; only while waitlisted.
    public var position: Int?
    public var createdAt: Date
    public var confirmedAt: Date?
    public var cancelledAt: Date?
    /// What an organizer said who removed the person.
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

/// What a scan comes to.
public enum CheckInResult: String, Codable, Sendable, CaseIterable {
    case admitted, duplicate, revoked, wrongEvent, notYetValid, eventCancelled, unknown
}
