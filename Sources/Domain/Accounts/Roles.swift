/// A person's role in the whole installation.
public enum Role: String, Codable, Sendable, CaseIterable {
    case user, organizer, admin
}

/// A person's role in one event.
public enum MembershipRole: String, Codable, Sendable, CaseIterable {
    case owner, coOrganizer, checkInStaff
}
