import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Changes an event's details.
struct EditEvent: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    /// - Parameters:
    ///   - change: makes the new details from the stored ones; throws if they are invalid. It can run again.
    ///   - expected: the version that the editor has seen.
    ///   - mayBePast: the editor confirms that the change ends the event in the past. A past event can be edited, and
    ///     opens again if its end is postponed.
    /// - Throws: ``DomainError``: notFound, versionMismatch, eventCancelled, capacityBelowConfirmed, validationFailed.
    func perform(
        _ id: EventID, expecting expected: ExpectedVersions, mayBePast: Bool, by principal: Principal,
        _ change: (EventDetails) async throws -> EventDetails
    ) async throws -> Event {
        let now = clock()
        return try await stores.change(of: id) { transaction in
            guard let before = try await stores.events.find(id, on: transaction) else { throw DomainError.notFound }
            let version = before.version
            guard expected.include(version) else { throw DomainError.versionMismatch }
            if before.storedStatus == .cancelled { throw DomainError.eventCancelled }
            let details = try await change(before.details)
            if before.details.endsAt > now, details.endsAt <= now, !mayBePast { throw Self.wouldBePast }
            let changes = Self.changes(from: before.details, to: details)
            if changes.isEmpty { return .unchanged(before) }
            // The capacity row before the event's, as everywhere: the opposite order would deadlock.
            let movesLine = changes.contains { Self.movingTheLine.contains($0.field) }
            if movesLine { try await stores.registrations.lockPlaces(of: id, on: transaction) }
            let newVersion = try await stores.events.update(id, details, expecting: version, on: transaction)
            if movesLine {
                try await stores.registrations.setCapacity(details.capacity, of: id, now: now, on: transaction)
            }
            guard let after = try await stores.events.find(id, on: transaction) else { throw DomainError.notFound }
            let entry = AuditRecord(
                "event.edited", by: principal.userID, subject: id.uuid, event: id,
                Self.audited(from: before.details, to: details))
            guard before.storedStatus == .published else { return Change(after, entry) }
            let data = EventData(eventId: id, version: newVersion, status: .published, changes: changes)
            return Change(
                after, entry, messages: [try .fact(.eventUpdated, event: id, owner: before.ownerID, data)])
        }
    }

    /// Otherwise a typo in the year would close the event for everyone, without a confirmation.
    private static let wouldBePast = DomainError.validationFailed([
        FieldError(field: "endsAt", .endsInThePast)
    ])

    /// A larger capacity, or a later end, can let the waitlist move up.
    private static let movingTheLine: Set = ["capacity", "promoteAfterClose", "registrationClosesAt", "endsAt"]

    /// The differences, in the order of the form. Long texts are named, not repeated.
    static func changes(from before: EventDetails, to after: EventDetails) -> [EventData.Change] {
        zip(before.fields, after.fields).filter { $0.value != $1.value }.map { before, after in
            let isLong = before.name == "description"
            return EventData.Change(
                field: before.name, before: isLong ? nil : before.value, after: isLong ? nil : after.value)
        }
    }

    /// The same for the audit log, including long texts.
    private static func audited(from before: EventDetails, to after: EventDetails) -> AuditContent {
        var (old, new): ([String: String], [String: String]) = ([:], [:])
        for (before, after) in zip(before.fields, after.fields) where before.value != after.value {
            old[before.name] = before.value
            new[after.name] = after.value
        }
        return AuditContent(before: old, after: new)
    }
}

extension EventDetails {
    /// Every field as text, in the order of the form; nil for an empty one.
    var fields: [(name: String, value: String?)] {
        [
            ("title", title), ("venue", venue), ("startsAt", Timestamp.text(startsAt)),
            ("endsAt", Timestamp.text(endsAt)), ("timeZone", timeZone), ("capacity", "\(capacity)"),
            ("waitlistEnabled", "\(waitlistEnabled)"), ("promoteAfterClose", "\(promoteAfterClose)"),
            ("registrationOpensAt", registrationOpensAt.map(Timestamp.text)),
            ("registrationClosesAt", registrationClosesAt.map(Timestamp.text)),
            ("checkInOpensAt", checkInOpensAt.map(Timestamp.text)), ("description", description),
        ]
    }
}
