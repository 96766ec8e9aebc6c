import Domain
import FoundationEssentials
import Persistence

/// An event as clients see it.
struct EventJSON: Encodable {
    var id: EventID
    var title: String
    var description: String
    var venue: String
    var startsAt: Date
    var endsAt: Date
    var timeZone: String
    var capacity: Int
    @Nullable var capacityTarget: Int?
    var waitlistEnabled: Bool
    var promoteAfterClose: Bool
    @Nullable var registrationOpensAt: Date?
    @Nullable var registrationClosesAt: Date?
    @Nullable var checkInOpensAt: Date?
    var confirmed: Int
    var waitlisted: Int
    var status: EventStatus
    var version: Int
    var revision: Int
    var ownerId: UserID
    var organizerName: String
    var createdAt: Date
    var updatedAt: Date
    @Nullable var publishedAt: Date?
    @Nullable var cancelledAt: Date?
    @Nullable var cancellationProgress: Progress?

    struct Progress: Encodable {
        var done: Int
        var total: Int
    }

    init(_ event: Event, now: Date) {
        id = event.id
        title = event.details.title
        description = event.details.description
        venue = event.details.venue
        startsAt = event.details.startsAt
        endsAt = event.details.endsAt
        timeZone = event.details.timeZone
        capacity = event.places.capacity
        capacityTarget = event.capacityTarget
        waitlistEnabled = event.details.waitlistEnabled
        promoteAfterClose = event.details.promoteAfterClose
        registrationOpensAt = event.details.registrationOpensAt
        registrationClosesAt = event.details.registrationClosesAt
        checkInOpensAt = event.details.checkInOpensAt
        confirmed = event.places.confirmed
        waitlisted = event.places.waitlisted
        status = event.status(at: now)
        version = event.version
        revision = event.places.revision
        ownerId = event.ownerID
        organizerName = event.organizerName
        createdAt = event.createdAt
        updatedAt = event.updatedAt
        publishedAt = event.publishedAt
        cancelledAt = event.cancelledAt
        cancellationProgress = event.cancellationProgress.map { Progress(done: $0.done, total: $0.total) }
    }
}

/// The part of an event that is shown with a registration.
struct EventSummaryJSON: Encodable {
    var id: EventID
    var title: String
    var venue: String
    var startsAt: Date
    var endsAt: Date
    var timeZone: String
    var status: EventStatus

    init(_ event: EventSummary, now: Date) {
        id = event.id
        title = event.title
        venue = event.venue
        startsAt = event.startsAt
        endsAt = event.endsAt
        timeZone = event.timeZone
        status = event.status(at: now)
    }
}
