/// What an API key may be used for. Each lets it do what its person may do, and nothing else.
public enum APIScope: String, Codable, Sendable, CaseIterable {
    /// See events, drafts of one's own among them, and their figures.
    case eventsRead = "events:read"
    case eventsWrite = "events:write"
    /// See attendees, registrations and tickets.
    case registrationsRead = "registrations:read"
    case registrationsWrite = "registrations:write"
    case checkInsWrite = "check-ins:write"
    case announcementsWrite = "announcements:write"
    case messagesRead = "messages:read"
    case subscriptionsWrite = "subscriptions:write"
}
