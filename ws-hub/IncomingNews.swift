import Domain

/// What the feed itself needs to know of a finished frame.
struct IncomingNews: Decodable {
    var type: String
    var revision: Int?
    var confirmed: Int?
    var waitlisted: Int?
    var capacity: Int?
    var version: Int?

    var places: Places? {
        guard let revision, let confirmed, let waitlisted, let capacity else { return nil }
        return Places(revision: revision, confirmed: confirmed, waitlisted: waitlisted, capacity: capacity)
    }
}

extension Topic {
    /// The inverse of ``Topic/channel``.
    init?(channel: String) {
        let parts = channel.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "em", parts[1] == "live" else { return nil }
        switch parts[2] {
        case "event": if let id = EventID(parts[3]) { self = .event(id) } else { return nil }
        case "me": if let id = UserID(parts[3]) { self = .person(id) } else { return nil }
        case "organizer": if let id = EventID(parts[3]) { self = .organizer(id) } else { return nil }
        default: return nil
        }
    }
}
