import Access
import Domain
import FoundationEssentials
import Hummingbird
import Persistence

struct StatisticsRoutes: Sendable {
    let stores: Stores
    let authorization: Authorization

    private struct Figures: Encodable {
        struct Bucket: Encodable {
            var at: Date
            var count: Int
        }

        var eventId: EventID
        var confirmed: Int
        var waitlisted: Int
        var cancelled: Int
        var checkedIn: Int
        var capacity: Int
        var revision: Int
        var capacityUse: Double
        var registrationsOverTime: [Bucket]
        var checkInsOverTime: [Bucket]

        init(_ id: EventID, _ stats: EventStats) {
            eventId = id
            confirmed = stats.places.confirmed
            waitlisted = stats.places.waitlisted
            cancelled = stats.cancelled
            checkedIn = stats.checkedIn
            capacity = stats.places.capacity
            revision = stats.places.revision
            capacityUse = Double(confirmed) / Double(max(1, capacity))
            registrationsOverTime = stats.registrations.map { Bucket(at: $0.at, count: $0.count) }
            checkInsOverTime = stats.checkIns.map { Bucket(at: $0.at, count: $0.count) }
        }
    }

    @Sendable func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let event = try await authorization.event(
            try context.id(of: EventSubject.self), .viewStatistics, try context.signedIn())
        guard let stats = try await stores.stats.stats(of: event.id) else { throw DomainError.notFound }
        return try .json(Figures(event.id, stats))
    }
}
