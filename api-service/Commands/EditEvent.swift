import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Changes what an organizer decides about an event.
struct EditEvent: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    /// - Parameters:
    ///   - change: makes the new details of the stored ones; throws what is wrong with them. It may run again.
    ///   - version: what the editor had seen.
    /// - Throws: ``DomainError``: notFound, versionMismatch, eventCancelled, eventEnded, capacityBelowConfirmed.
    func perform(
        _ id: EventID, expecting version: Int, by principal: Principal,
        _ change: (EventDetails) async throws -> EventDetails
    ) async throws -> Event {
        let now = clock()
        // However it ends: a commit may have happened of which nobody heard.
        defer { stores.eventCache.invalidate(id) }
        return try await stores.database.transaction { transaction in
            guard let before = try await stores.events.find(id, on: transaction) else { throw DomainError.notFound }
            guard before.version == version else { throw DomainError.versionMismatch }
            switch before.status(at: now) {
            case .cancelled: throw DomainError.eventCancelled
            case .ended: throw DomainError.eventEnded
            case .draft, .published: break
            }
            let details = try await change(before.details)
            let changes = Self.changes(from: before.details, to: details)
            if changes.isEmpty { return before }
            // The places' row before the event's, as everywhere: two who wait for each other in both orders deadlock.
            let movesLine = changes.contains { Self.movingTheLine.contains($0.field) }
            if movesLine { try await stores.registrations.lockPlaces(of: id, on: transaction) }
            let newVersion = try await stores.events.update(id, details, expecting: version, on: transaction)
            if movesLine {
                try await stores.registrations.setCapacity(details.capacity, of: id, now: now, on: transaction)
            }
            try await stores.audit.record(
                "event.edited", by: principal.userID, subject: id.uuid, event: id,
                details: ["fields": changes.map(\.field).joined(separator: " ")], on: transaction)
            if before.storedStatus == .published {
                let data = EventData(eventId: id, version: newVersion, status: .published, changes: changes)
                try await stores.outbox.append(
                    [.fact(.eventUpdated, event: id, owner: before.ownerID, data)], on: transaction)
            }
            guard let after = try await stores.events.find(id, on: transaction) else { throw DomainError.notFound }
            return after
        }
    }

    /// More places, or a later end, may let people move up.
    private static let movingTheLine: Set = ["capacity", "promoteAfterClose", "registrationClosesAt", "endsAt"]

    /// What differs, in the order of the form. Long texts are named, not repeated.
    static func changes(from before: EventDetails, to after: EventDetails) -> [EventData.Change] {
        let pairs: [(String, String?, String?)] = [
            ("title", before.title, after.title),
            ("venue", before.venue, after.venue),
            ("startsAt", Timestamp.text(before.startsAt), Timestamp.text(after.startsAt)),
            ("endsAt", Timestamp.text(before.endsAt), Timestamp.text(after.endsAt)),
            ("timeZone", before.timeZone, after.timeZone),
            ("capacity", "\(before.capacity)", "\(after.capacity)"),
            ("waitlistEnabled", "\(before.waitlistEnabled)", "\(after.waitlistEnabled)"),
            ("promoteAfterClose", "\(before.promoteAfterClose)", "\(after.promoteAfterClose)"),
            (
                "registrationOpensAt", before.registrationOpensAt.map(Timestamp.text),
                after.registrationOpensAt.map(Timestamp.text)
            ),
            (
                "registrationClosesAt", before.registrationClosesAt.map(Timestamp.text),
                after.registrationClosesAt.map(Timestamp.text)
            ),
            ("checkInOpensAt", before.checkInOpensAt.map(Timestamp.text), after.checkInOpensAt.map(Timestamp.text)),
        ]
        var changes = pairs.filter { $0.1 != $0.2 }.map { EventData.Change(field: $0.0, before: $0.1, after: $0.2) }
        if before.description != after.description {
            changes.append(EventData.Change(field: "description", before: nil, after: nil))
        }
        return changes
    }
}
