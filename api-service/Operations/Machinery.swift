import AMQP
import FoundationEssentials
import Logging
import Messaging
import Redis

/// What operators look at beside the database: the relay with its broker, and Redis.
struct Machinery: Sendable {
    let relay: OutboxRelay
    let redis: RedisClient
    let deadLetters: DeadLetterOffice
    let mails: MailWatch
    let subscriptionQueues: SubscriptionQueues
}

/// Runs `body` for at most so long; nil when it took longer or failed.
func answered<Value: Sendable>(
    within limit: Duration, _ body: @escaping @Sendable () async throws -> Value
) async -> Value? {
    await withTaskGroup(of: Value?.self) { group in
        group.addTask {
            // Whoever asks shows that there is no answer; the wrapper that failed has logged why.
            do { return try await body() } catch { return nil }
        }
        group.addTask {
            do { try await Task.sleep(for: limit) } catch {}  // cancelled: the answer was faster
            return nil
        }
        defer { group.cancelAll() }
        return await group.next() ?? nil
    }
}
