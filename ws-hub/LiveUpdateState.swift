import Domain
import Logging
import NIOCore
import Persistence
import Synchronization

/// What the feed knows about its topics, and how news and the database's state change it. Everything that leaves is
/// handed to the loops under the lock, so that each loop hears it in the order in which it became known.
extension LiveUpdateFeed {
    // MARK: News from Redis

    func takeIn(_ payload: [UInt8], from channel: String) {
        guard let topic = Topic(channel: channel) else { return }
        let news: IncomingNews
        do {
            news = try WireJSON.decode(IncomingNews.self, from: payload)
        } catch {
            logger.error("A live update is no frame", metadata: ["channel": "\(channel)"])
            return
        }
        let frame = Frames.text(payload)
        if news.type == "counts", let places = news.places {
            note(places, frame, for: topic)
        } else {
            // Delivered under the lock, so that updates keep their order against `opened`.
            state.withLock { state in
                guard let entry = state.entries[topic], entry.isOpen else { return }
                if news.type == "event", let version = news.version {
                    state.entries[topic]?.version = max(entry.version, version)
                }
                for hub in entry.hubs { hub.deliver(.other(frame: frame), to: topic) }
            }
        }
    }

    private func note(_ places: Places, _ frame: ByteBuffer, for topic: Topic) {
        state.withLock { state in
            guard let entry = state.entries[topic], entry.places.map({ $0.revision < places.revision }) ?? true else {
                return
            }
            state.entries[topic]?.places = places
            guard entry.isOpen else { return }  // the snapshot will carry it
            for hub in entry.hubs { hub.deliver(.counts(places, frame: frame), to: topic) }
        }
    }

    // MARK: The truth

    /// Reads the state of the topics' events and passes on what is news. Returns whether that succeeded.
    @discardableResult
    func compare(_ topics: [Topic]) async -> Bool {
        for topic in topics {
            if case .event = topic { continue }
            open(topic)
        }
        let events = topics.compactMap { if case .event(let id) = $0 { id } else { nil } }
        guard !events.isEmpty else { return true }
        do {
            let states = try await states(events)
            for id in events { apply(states[id], to: id) }
            return true
        } catch is CancellationError {
            return false
        } catch {
            metrics.checkFailed()
            logger.debug("The revision check failed", metadata: ["error": "\(error)"])
            return false
        }
    }

    /// Topics without a state in the database.
    private func open(_ topic: Topic) {
        state.withLock { state in
            guard let entry = state.entries[topic], entry.isSubscribed, !entry.isOpen else { return }
            state.entries[topic]?.isOpen = true
            for hub in entry.hubs { hub.deliver(.opened(nil, isStale: state.isStale), to: topic) }
        }
    }

    private func apply(_ found: LiveState?, to id: EventID) {
        let topic = Topic.event(id)
        state.withLock { state in
            guard var entry = state.entries[topic], entry.isSubscribed else { return }
            guard let found, found.status != .draft else {
                guard !entry.isOpen else { return }
                state.entries[topic] = nil
                state.changed.insert(topic)
                for hub in entry.hubs { hub.deliver(.refused, to: topic) }
                return
            }
            let known = entry.places
            let places = known.map { $0.revision >= found.places.revision ? $0 : found.places } ?? found.places
            let isEdited = found.version > entry.version
            entry.places = places
            entry.version = max(entry.version, found.version)
            guard entry.isOpen else {
                entry.isOpen = true
                state.entries[topic] = entry
                for hub in entry.hubs { hub.deliver(.opened(places, isStale: state.isStale), to: topic) }
                return
            }
            state.entries[topic] = entry
            if places != known { heal(.counts(id, places), entry.hubs) }
            if isEdited { heal(.event(id, version: found.version, status: found.status), entry.hubs) }
        }
    }

    /// Sends what Redis should have brought.
    private func heal(_ update: LiveUpdate, _ hubs: [Hub]) {
        metrics.updateHealed()
        do {
            let frame = Frames.text(try update.frame())
            for hub in hubs {
                if case .counts(_, let places) = update {
                    hub.deliver(.counts(places, frame: frame), to: update.topic)
                } else {
                    hub.deliver(.other(frame: frame), to: update.topic)
                }
            }
        } catch {
            logger.error("A live update could not be encoded", metadata: ["error": "\(error)"])
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

    /// Everything was compared after this connection had subscribed.
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
