/// What a person may do in the whole installation.
public enum Role: String, Codable, Sendable, CaseIterable {
    case user, organizer, admin
}

/// What a person may do in one event.
public enum MembershipRole: String, Codable, Sendable, CaseIterable {
    case owner, coOrganizer, checkInStaff
}
