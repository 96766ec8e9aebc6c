import Domain
import Persistence

/// The live updates of a batch of outbox rows: state, not history, so only the newest update of each thing is kept.
struct LiveUpdateBatch {
    private enum Key: Hashable {
        case counts(EventID)
        case event(EventID)
        case registration(RegistrationID)
        case ticket(TicketID)
        case notification(NotificationID)
        case delivery(EventID)
        case mailing(EventID)
        case unread(UserID)
        /// Not conflated.
        case row(Int)
    }

    private var updates: [Key: LiveUpdate] = [:]
    private var order: [Key] = []
    /// Rows whose data could not be read.
    private(set) var unreadable: [OutboxRow] = []

    init(_ rows: [OutboxRow]) {
        for row in rows {
            do { try add(row) } catch { unreadable.append(row) }
        }
    }

    /// In the order in which each was first mentioned. Updates of one channel keep their order.
    var byChannel: [String: [LiveUpdate]] {
        Dictionary(grouping: order.compactMap { updates[$0] }) { $0.topic.channel }
    }

    private mutating func add(_ row: OutboxRow) throws {
        switch MessageType(rawValue: row.type) {
        case .registrationConfirmed, .registrationWaitlisted, .registrationPromoted, .registrationCancelled:
            let data = try WireJSON.decode(RegistrationData.self, from: row.data)
            addCounts(data.eventId, data.places)
            put(
                .registration(data.registrationId),
                .registration(
                    data.userId, id: data.registrationId, eventID: data.eventId, status: data.status,
                    position: data.position))
        case .registrationTransferred: try addTransfer(row)
        case .eventPublished, .eventUpdated, .eventCancelled:
            let data = try WireJSON.decode(EventData.self, from: row.data)
            put(.event(data.eventId), .event(data.eventId, version: data.version, status: data.status))
        case .ticketIssued, .ticketRevoked:
            let data = try WireJSON.decode(TicketData.self, from: row.data)
            let status: TicketStatus = row.type == MessageType.ticketIssued.rawValue ? .valid : .revoked
            put(
                .ticket(data.ticketId),
                .ticket(
                    data.userId, id: data.ticketId, registrationID: data.registrationId, eventID: data.eventId,
                    status: status))
        case .ticketCheckedIn, .ticketCheckInUndone: try addCheckIn(row)
        case .announcementPosted:
            let data = try WireJSON.decode(AnnouncementData.self, from: row.data)
            // Without a text it has been deleted in the meantime, or is not public.
            guard let announcement = row.announcement else { return }
            put(
                .row(row.rowID),
                .announcement(
                    data.eventId, id: data.announcementId, title: announcement.title, body: announcement.body,
                    at: announcement.at))
        case .notificationFailed: try addNotification(row)
        case nil: try addLiveOnly(row)
        }
    }

    private mutating func addLiveOnly(_ row: OutboxRow) throws {
        switch LiveType(rawValue: row.type) {
        case .notificationChanged: try addNotification(row)
        case .placesChanged:
            let data = try WireJSON.decode(PlacesData.self, from: row.data)
            addCounts(data.eventId, data.places)
        case .checkInsChanged: try addCheckIn(row)
        case .mailingChanged:
            let event = try WireJSON.decode(MailingData.self, from: row.data).eventId
            put(.mailing(event), .mailing(event))
        case .unreadChanged:
            let data = try WireJSON.decode(UnreadData.self, from: row.data)
            put(.unread(data.userId), .unread(data.userId, data.unread))
        case nil: break
        }
    }

    /// Each of the two people gets their own view of it.
    private mutating func addTransfer(_ row: OutboxRow) throws {
        let data = try WireJSON.decode(TransferData.self, from: row.data)
        put(
            .row(row.rowID),
            .registration(
                data.fromUserId, id: data.registrationId, eventID: data.eventId, status: .cancelled, position: nil))
        put(
            .registration(data.registrationId),
            .registration(
                data.userId, id: data.registrationId, eventID: data.eventId, status: .confirmed, position: nil))
    }

    /// The hub reads the state itself; the update only says that it has changed.
    private mutating func addCheckIn(_ row: OutboxRow) throws {
        let data = try WireJSON.decode(TicketData.self, from: row.data)
        put(
            .row(row.rowID),
            .checkIn(data.eventId, ticketID: data.ticketId, at: data.at ?? row.occurredAt, gate: data.gate))
    }

    private mutating func addNotification(_ row: OutboxRow) throws {
        let data = try WireJSON.decode(NotificationData.self, from: row.data)
        put(
            .notification(data.notificationId),
            .notification(data.userId, id: data.notificationId, kind: data.kind, status: data.status))
        if let event = data.eventId { addDelivery(event, data.status) }
    }

    /// Dashboards learn once that the email state has changed. A failed email takes precedence, because a sent one may
    /// change nothing for them.
    private mutating func addDelivery(_ event: EventID, _ status: NotificationStatus) {
        if status == .queued || status == .muted { return }
        if status == .sent, updates[.delivery(event)] != nil { return }
        put(.delivery(event), .delivery(event, status))
    }

    /// Counts carry their revision: rows can arrive in a different order than the counts changed.
    private mutating func addCounts(_ event: EventID, _ places: Places) {
        if case .counts(_, let known)? = updates[.counts(event)], known.revision >= places.revision { return }
        put(.counts(event), .counts(event, places))
    }

    private mutating func put(_ key: Key, _ update: LiveUpdate) {
        if updates.updateValue(update, forKey: key) == nil { order.append(key) }
    }
}
