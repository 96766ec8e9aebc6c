import Domain
import Logging
import NIOCore
import Persistence
import Synchronization

/// The feed's knowledge of its topics, and how updates and the database's state change it. Everything sent is handed to
/// the loops under the lock, so that each loop gets it in the order in which it became known.
extension LiveUpdateFeed {
    // MARK: Updates from Redis

    func takeIn(_ payload: [UInt8], from channel: String) {
        guard let topic = Topic(channel: channel) else { return }
        let news: IncomingUpdate
        do {
            news = try WireJSON.decode(IncomingUpdate.self, from: payload)
        } catch {
            logger.error("live update invalid", metadata: ["channel": "\(channel)"])
            return
        }
        let frame = LiveFrame(bytes: Frames.text(payload), publishedAt: news.published)
        state.withLock { state in
            switch topic {
            case .event(let id):
                hear(news, frame, on: topic, &state)
                let dashboard = Topic.organizer(id)
                if state.entries[dashboard] != nil, let bytes = self.frame(of: news, id, on: dashboard) {
                    hear(news, LiveFrame(bytes: bytes, publishedAt: frame.publishedAt), on: dashboard, &state)
                }
            case .organizer(let id):
                guard let kept = news.kept else { return hear(news, frame, on: topic, &state) }
                hear(of: kept, news, id, &state)
            case .person(let user):
                if let (id, place) = news.place, !state.lines.hear(id, of: user, place) { return }
                hear(news, frame, on: topic, &state)
            }
        }
    }

    private func hear(_ news: IncomingUpdate, _ frame: LiveFrame, on topic: Topic, _ state: inout State) {
        guard let entry = state.entries[topic] else { return }
        if let places = news.places {
            guard entry.places.map({ $0.revision < places.revision }) ?? true else { return }
            state.entries[topic]?.places = places
            guard entry.isOpen else { return }  // included in the snapshot
            tell(.counts(places, frame), topic, entry, &state)
        } else if entry.isOpen {
            // Before it is open, the next revision check delivers them.
            if let id = news.announcement { return announce(id, frame, on: topic, &state) }
            if let edit = news.edit { state.entries[topic]?.version = max(entry.version, edit.version) }
            tell(.other(frame), topic, entry, &state)
        }
    }

    /// An event's update as a dashboard's frame; nil for what dashboards need not get twice.
    private func frame(of news: IncomingUpdate, _ id: EventID, on topic: Topic) -> ByteBuffer? {
        if let places = news.places { return frame(.counts(id, places), on: topic) }
        if let edit = news.edit {
            return frame(.event(id, version: edit.version, status: edit.status), on: topic)
        }
        return nil
    }

    /// Sends an announcement that was not sent yet.
    private func announce(_ id: AnnouncementID, _ frame: LiveFrame, on topic: Topic, _ state: inout State) {
        guard let entry = state.entries[topic], entry.isOpen, !entry.announced.contains(id) else { return }
        state.entries[topic]?.announced.append(id)
        if entry.announced.count >= Self.announcedKept { state.entries[topic]?.announced.removeFirst() }
        tell(.announcement(id, frame), topic, entry, &state)
    }

    /// More than a revision check reads.
    private static let announcedKept = 64

    func tell(_ news: TopicUpdate, _ topic: Topic, _ entry: Entry, _ state: inout State) {
        for hub in entry.hubs where hub.deliver(news, to: topic) { state.behind.append(hub) }
    }

    func frame(_ update: LiveUpdate, on topic: Topic) -> ByteBuffer? {
        do {
            return Frames.text(try update.frame(on: topic))
        } catch {
            logger.error("live update not encoded", metadata: ["error": "\(error)"])
            return nil
        }
    }

    // MARK: Revision check

    /// Reads the state of the topics' events and sends what is new. Returns whether that succeeded.
    @discardableResult
    func compare(_ topics: [Topic]) async -> Bool {
        var (published, dashboards): ([EventID], [EventID]) = ([], [])
        for topic in topics {
            switch topic {
            case .event(let id): published.append(id)
            case .organizer(let id): dashboards.append(id)
            case .person: open(topic)
            }
        }
        let events = Array(Set(published + dashboards))
        guard !events.isEmpty else { return true }
        let isDone = await asking {
            let states = try await self.events.places(for: events)
            let announcements = try await live.newestAnnouncements(of: published)
            let missed = state.withLock { state in
                for id in dashboards { apply(states[id], to: .organizer(id), id, &state) }
                var missed: [AnnouncementID] = []
                for id in published {
                    let newest = announcements[id] ?? []
                    missed += untold(of: newest, state.entries[.event(id)])
                    apply(states[id], newest, to: .event(id), id, &state)
                }
                return missed
            }
            try await tellMissed(missed)
        }
        let areRead = await read(dashboards, KeptState.allCases)
        return isDone && areRead
    }

    /// Updates the waitlist positions of connected people. Each event's waitlist is counted only if its counts have
    /// changed, and at most once per revision check.
    /// - Parameter since: the last revision check that succeeded.
    func compareLines(of topics: [Topic], since: ContinuousClock.Instant) async -> Bool {
        let people = topics.compactMap { if case .person(let id) = $0 { id } else { nil } }
        guard !people.isEmpty else { return true }
        return await asking {
            let reading = state.withLock { $0.lines.begin() }
            let age = Double((ContinuousClock.now - since).components.seconds) + 30
            let rows = try await live.registrations(of: people, waitingOrChangedWithin: age)
            let lines = state.withLock { $0.lines.linesToCount(rows) }
            let waiting = Set(rows.filter { $0.status == .waitlisted }.map(\.userID))
            let positions = try await live.positions(of: Array(waiting), in: lines)
            state.withLock { state in
                let updates = state.lines.read(rows, positions, lines: lines, reading: reading)
                for update in updates {
                    guard let entry = state.entries[update.topic], entry.isOpen,
                        let frame = frame(update, on: update.topic)
                    else { continue }
                    tell(.other(LiveFrame(bytes: frame)), update.topic, entry, &state)
                }
            }
        }
    }

    /// Those of the newest announcements that an open topic has not sent.
    private func untold(of newest: [AnnouncementID], _ entry: Entry?) -> [AnnouncementID] {
        guard let entry, entry.isOpen else { return [] }
        return newest.filter { !entry.announced.contains($0) }
    }

    private func tellMissed(_ ids: [AnnouncementID]) async throws {
        for update in try await live.announcements(ids) {
            guard case .announcement(_, let id, _, _, _) = update, let frame = frame(update, on: update.topic) else {
                continue
            }
            metrics.updateHealed()
            state.withLock { announce(id, LiveFrame(bytes: frame), on: update.topic, &$0) }
        }
    }

    @discardableResult
    func asking(_ work: () async throws -> Void) async -> Bool {
        do {
            try await work()
            return true
        } catch is CancellationError {
            return false
        } catch {
            metrics.checkFailed()
            logger.debug("revision check failed", metadata: ["error": "\(error)"])
            return false
        }
    }

    /// Opens a topic without a state in the database.
    private func open(_ topic: Topic) {
        state.withLock { state in
            guard let entry = state.entries[topic], entry.isSubscribed, !entry.isOpen else { return }
            state.entries[topic]?.isOpen = true
            for hub in entry.hubs {
                hub.deliver(.opened(entry.state(isStale: state.isStale)), to: topic)
            }
        }
    }

    /// - Parameter announcements: the newest, newest first; with them the topic opens.
    private func apply(
        _ found: LiveState?, _ announcements: [AnnouncementID] = [], to topic: Topic, _ id: EventID,
        _ state: inout State
    ) {
        guard var entry = state.entries[topic], entry.isSubscribed else { return }
        // A draft is visible to its organizers only, whose rights were checked before.
        guard let found, found.status != .draft || topic == .organizer(id) else {
            guard !entry.isOpen else { return }
            state.entries[topic] = nil
            state.changed.insert(topic)
            for hub in entry.hubs { hub.deliver(.refused, to: topic) }
            return
        }
        let known = entry.places
        let places =
            known.map { $0.revision >= found.places.revision ? $0 : found.places } ?? found.places
        let isEdited = found.version > entry.version
        entry.places = places
        entry.version = max(entry.version, found.version)
        guard entry.isOpen else {
            entry.isOpen = true
            entry.announced = announcements.reversed()
            state.entries[topic] = entry
            for hub in entry.hubs { hub.deliver(.opened(entry.state(isStale: state.isStale)), to: topic) }
            return
        }
        state.entries[topic] = entry
        // A change that Redis should have delivered.
        if places != known, let frame = frame(.counts(id, places), on: topic) {
            metrics.updateHealed()
            tell(.counts(places, LiveFrame(bytes: frame)), topic, entry, &state)
        }
        if isEdited,
            let frame = frame(.event(id, version: found.version, status: found.status), on: topic)
        {
            metrics.updateHealed()
            tell(.other(LiveFrame(bytes: frame)), topic, entry, &state)
        }
    }

    // MARK: Stale and fresh

    func becomeStale() {
        state.withLock { state in
            state.isConnected = false
            guard !state.isStale else { return }
            state.isStale = true
            for hub in Self.hubs(state) { hub.deliver(isStale: true) }
        }
    }

    /// Marks the topics as fresh: everything was compared after this connection had subscribed.
    func becomeFresh(_ connection: Int) {
        state.withLock { state in
            guard state.isConnected, state.connection == connection, state.isStale else { return }
            state.isStale = false
            for hub in Self.hubs(state) { hub.deliver(isStale: false) }
        }
    }

    private static func hubs(_ state: borrowing State) -> [Hub] {
        var unique: [ObjectIdentifier: Hub] = [:]
        for entry in state.entries.values {
            for hub in entry.hubs { unique[ObjectIdentifier(hub)] = hub }
        }
        return Array(unique.values)
    }
}
