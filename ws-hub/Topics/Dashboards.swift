import Domain
import NIOCore
import Persistence
import Synchronization

/// A reading of what a dashboard shows besides the counts, with its frame.
struct DashboardReading: Sendable {
    enum Content: Hashable, Sendable {
        case checkIns(Int, last: [LatestCheckIn])
        case deliveryProblems(retrying: Int, failed: Int)
        case mailings([MailingProgress])
    }

    var content: Content
    /// Identifies the later of two readings, whichever hub read them.
    var revision: Int
    var frame: ByteBuffer
}

/// Dashboards show check-ins and undelivered emails. An update about them only says that something has changed: the
/// whole is read from the database, soon after such an update and with every revision check, and sent if it differs.
extension LiveUpdateFeed {
    func hear(of kind: KeptState, _ news: IncomingUpdate, _ id: EventID, _ state: inout State) {
        guard let entry = state.entries[.organizer(id)] else { return }
        if kind == .deliveryProblems, case .mailings(let known)? = entry.kept[.mailings]?.content,
            known.contains(where: { $0.status != .done })
        {
            state.unread[.mailings, default: []].insert(id)
        }
        // Most emails succeed: then there is nothing to read.
        let hasNoProblems = entry.kept[.deliveryProblems]?.content == .deliveryProblems(retrying: 0, failed: 0)
        if kind == .deliveryProblems, hasNoProblems, news.status == NotificationStatus.sent.rawValue { return }
        state.unread[kind, default: []].insert(id)
    }

    /// Reads the dashboards that had updates since the last time.
    func readUnread() async {
        let unread = state.withLock { state in
            defer { state.unread = [:] }
            return state.unread.mapValues { ids in ids.filter { state.entries[.organizer($0)]?.isOpen == true } }
        }
        for (kind, ids) in unread { await read(Array(ids), [kind]) }
    }

    /// Reads and sends. Returns whether that succeeded.
    @discardableResult
    func read(_ dashboards: [EventID], _ kinds: [KeptState]) async -> Bool {
        guard !dashboards.isEmpty else { return true }
        return await asking {
            for kind in kinds {
                let readings = try await readings(of: kind, dashboards)
                state.withLock { state in
                    for (id, reading) in readings { apply(reading, kind, to: id, &state) }
                }
            }
        }
    }

    private func readings(of kind: KeptState, _ events: [EventID]) async throws -> [EventID: DashboardReading] {
        var readings: [EventID: DashboardReading] = [:]
        switch kind {
        case .checkIns:
            for (id, found) in try await live.checkIns(of: events) {
                readings[id] = reading(
                    .checkIns(found.checkedIn, last: found.last), found.revision,
                    .checkIns(id, checkedIn: found.checkedIn, revision: found.revision, last: found.last))
            }
        case .deliveryProblems:
            for (id, found) in try await live.deliveryProblems(of: events) {
                readings[id] = reading(
                    .deliveryProblems(retrying: found.retrying, failed: found.failed), found.revision,
                    .deliveryProblems(
                        id, retrying: found.retrying, failed: found.failed, revision: found.revision))
            }
        case .mailings:
            for (id, found) in try await live.mailings(of: events) {
                readings[id] = reading(
                    .mailings(found.items), found.revision, .mailings(id, found.items, revision: found.revision))
            }
        }
        return readings
    }

    private func reading(
        _ content: DashboardReading.Content, _ revision: Int, _ update: LiveUpdate
    ) -> DashboardReading? {
        frame(update, on: update.topic).map { DashboardReading(content: content, revision: revision, frame: $0) }
    }

    private func apply(_ found: DashboardReading, _ kind: KeptState, to id: EventID, _ state: inout State) {
        let topic = Topic.organizer(id)
        guard let entry = state.entries[topic] else { return }
        if let known = entry.kept[kind] {
            guard known.revision < found.revision, known.content != found.content else { return }
        }
        state.entries[topic]?.kept[kind] = found
        guard entry.isOpen else { return }  // part of its snapshot
        tell(.kept(kind, found.frame), topic, entry, &state)
    }
}
