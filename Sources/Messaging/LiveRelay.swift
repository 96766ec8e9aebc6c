import CoreMetrics
import Domain
import FoundationEssentials
import Logging
import Persistence
import Postgres
import Redis

/// The relay from the outbox to browsers, through Redis. Run by one task, on its own session.
struct LiveRelay {
    let store: OutboxStore
    let redis: RedisClient
    let batch: Int
    let metrics: RelayMetrics
    let logger: Logger

    /// Publishes the live updates of what waits in the partitions.
    /// - Throws: when Redis is unreachable: nothing of the batch is marked, and all of it is published again.
    func round(partitions: [Int], on session: Session) async throws -> RelayRound {
        guard !partitions.isEmpty else { return .idle }
        let rows = try await store.liveRows(partitions: partitions, limit: batch, on: session)
        guard !rows.isEmpty else { return .idle }
        let news = LiveUpdateBatch(rows)
        for row in news.unreadable {
            logger.error(
                "outbox row not decodable", metadata: ["message_id": "\(row.messageID)", "type": "\(row.type)"])
        }
        try await publish(news.byChannel)
        try await store.markLive(rows.map(\.rowID), on: session)
        return RelayRound(foundWork: true, hasMore: rows.count == batch)
    }

    /// Channels in parallel (the client pipelines), the updates of one channel in order.
    private func publish(_ news: [String: [LiveUpdate]]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var channels = news.makeIterator()
            func publishNext() {
                guard let (channel, updates) = channels.next() else { return }
                group.addTask {
                    for update in updates {
                        try await redis.publish(try update.frame(publishedAt: Date()), to: channel)
                        metrics.shown.increment()
                    }
                }
            }
            for _ in 0..<32 { publishNext() }
            while try await group.next() != nil { publishNext() }
        }
    }
}
