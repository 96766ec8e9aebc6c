public import Logging

/// Hands messages to one SMTP server, over libcurl, on threads of its own.
///
/// Each thread owns one connection and keeps it between messages. At most `threads` messages travel at a time and at
/// most `maximumWaiting` wait for one; a further one throws `.overloaded` at once.
public final class MailSender: Sendable {
    private let queue: MailQueue

    /// A thread starts when a message comes and all others are at work. They end when the sender is let go.
    public init(
        _ address: SMTPAddress, threads: Int = 2, maximumWaiting: Int = 256, timeouts: SMTPTimeouts = .init(),
        logger: Logger
    ) {
        queue = MailQueue(
            address, timeouts, maximumThreads: threads, maximumWaiting: maximumWaiting, logger: logger)
    }

    deinit {
        // Every caller still waiting holds `self`, so nothing is left in the queue here.
        queue.close()
    }

    /// Messages that wait for a thread; for metrics.
    public var waiting: Int { queue.waitingCount }

    /// Returns once the server has answered the message's text with 2xx: from then on it is the server's.
    ///
    /// A cancelled task gets `.cancelled`: at once while its message waits, within about a second while it is sent (it
    /// may then arrive nevertheless; `outcomeUnknown` says so).
    /// - Returns: the server's last words, such as `250 2.0.0 queued as 4F2A`: what its operator can look for. At most 500
    ///   characters; they may repeat the recipient's address.
    @discardableResult
    public func send(_ message: MailMessage) async throws(SMTPError) -> String {
        let flag = CancellationFlag()
        let result: Result<String, SMTPError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                queue.submit(.init(message: message, cancelled: flag, finish: { continuation.resume(returning: $0) }))
            }
        } onCancel: {
            queue.cancel(flag)
        }
        return try result.get()
    }
}
