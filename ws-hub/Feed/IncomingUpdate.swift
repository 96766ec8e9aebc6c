import Domain
import FoundationEssentials
import NIOCore

/// The parts of a complete frame that the feed itself needs.
struct IncomingUpdate: Decodable {
    var type: String
    var id: String?
    var revision: Int?
    var confirmed: Int?
    var waitlisted: Int?
    var capacity: Int?
    var version: Int?
    var registrationId: RegistrationID?
    var eventId: EventID?
    var status: String?
    var position: Int?
    /// By the clock of the relay.
    var publishedAt: Date?

    var places: Places? {
        guard type == "counts", let revision, let confirmed, let waitlisted, let capacity else {
            return nil
        }
        return Places(
            revision: revision, confirmed: confirmed, waitlisted: waitlisted, capacity: capacity)
    }

    /// The dashboard state that this update has changed.
    var kept: KeptState? {
        switch type {
        case "checkIns": .checkIns
        case "deliveryProblems": .deliveryProblems
        case "mailings": .mailings
        default: nil
        }
    }

    /// ``publishedAt`` by this process's clock; a future time is now, and an absurd one a minute ago.
    var published: NIODeadline? {
        guard let publishedAt else { return nil }
        let age = min(60, max(0, Date().timeIntervalSince(publishedAt)))
        return .now() - .nanoseconds(Int64(age * 1e9))
    }

    var announcement: AnnouncementID? { type == "announcement" ? id.flatMap { AnnouncementID($0) } : nil }

    var edit: (version: Int, status: EventStatus)? {
        guard type == "event", let version, let status = status.flatMap(EventStatus.init(rawValue:))
        else { return nil }
        return (version, status)
    }

    /// A person's registration status and waitlist position.
    var place: (id: RegistrationID, WaitlistUpdates.Place)? {
        guard type == "registration", let registrationId, let eventId,
            let status = status.flatMap(RegistrationStatus.init(rawValue:))
        else { return nil }
        return (registrationId, WaitlistUpdates.Place(eventID: eventId, status: status, position: position))
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

    /// The Redis channels with its updates: a dashboard also gets the event's public updates.
    var channels: [String] {
        if case .organizer(let id) = self { return [channel, Topic.event(id).channel] }
        return [channel]
    }
}
