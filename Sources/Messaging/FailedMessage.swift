import AMQP
import Domain
import FoundationEssentials

/// A message that was not handled, and where it goes next.
struct FailedMessage {
    let queue: WorkerQueue
    let delivery: Delivery
    /// When it arrived at this worker.
    let arrival: Date
    let now: Date

    /// The message for the delay queue, or for the parking queue if its attempts are used up.
    func retried(after delay: Duration?, reason: String) -> (message: AMQP.Message, isParked: Bool) {
        guard let rung = queue.ladder.rung(afterAttempt: delivery.attempt, atLeast: delay) else {
            return (parked(reason: reason), true)
        }
        return (waiting(on: rung, attempt: delivery.attempt + 1, reason: reason), false)
    }

    /// The message for a delay queue, without counting an attempt.
    func postponed(reason: String) -> AMQP.Message {
        waiting(on: queue.ladder.postponement, attempt: delivery.attempt, reason: reason)
    }

    private func waiting(on rung: RetryLadder.Rung, attempt: Int, reason: String) -> AMQP.Message {
        var message = failed(reason: reason)
        message.exchange = queue.names.retry
        message.routingKey = queue.retryQueue(rung)
        message.properties.headers[Header.attempt] = .int(attempt)
        // Jitter, so that simultaneous failures don't return in step. The queue's own TTL is the longest wait.
        message.properties.expiration = rung.delay * Double.random(in: 0.8...1)
        return message
    }

    func parked(reason: String) -> AMQP.Message {
        var message = failed(reason: reason)
        message.exchange = queue.names.dead
        message.routingKey = queue.name
        message.properties.headers[Header.attempt] = .int(delivery.attempt)
        message.properties.headers[Header.reason] = .string(reason)
        return message
    }

    /// The same message, id and body unchanged, with headers about its failure. The broker's own headers (`x-death`,
    /// `x-delivery-count`…) concern past deliveries; RabbitMQ 4 refuses some of them.
    private func failed(reason: String) -> AMQP.Message {
        var message = delivery.message
        message.mandatory = true
        message.properties.headers = message.properties.headers.filter { !$0.key.hasPrefix("x-") }
        if message.properties.headers[Header.firstSeen] == nil {
            message.properties.headers[Header.firstSeen] = .string(Timestamp.text(arrival))
        }
        message.properties.headers[Header.lastFailure] = .string(reason)
        message.properties.headers[Header.lastFailureAt] = .string(Timestamp.text(now))
        return message
    }
}
