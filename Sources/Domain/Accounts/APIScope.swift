/// A permission of an API key: within it, the key can do what its owner can do.
public enum APIScope: String, Codable, Sendable, CaseIterable {
    /// Read events, including one's own drafts, and their statistics.
    case eventsRead = "events:read"
    case eventsWrite = "events:write"
    case registrationsRead = "registrations:read"
    case registrationsWrite = "registrations:write"
    case checkInsWrite = "check-ins:write"
    case announcementsWrite = "announcements:write"
    case messagesRead = "messages:read"
    case subscriptionsWrite = "subscriptions:write"
}
