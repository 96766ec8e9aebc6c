/// One subscription to channels. Belongs to the connection thread, but for its buffer.
final class Listener {
    let channels: [String]
    let buffer: NotificationBuffer
    var backoff: Backoff
    /// The connection it listens on, or is about to.
    var connection: UInt64?
    var isConnecting = false
    /// Whether LISTEN is in force, and the reader knows it.
    var isListening = false

    init(channels: [String], buffer: NotificationBuffer, maximumBackoff: Duration) {
        self.channels = channels
        self.buffer = buffer
        backoff = Backoff(maximum: maximumBackoff)
    }

    /// LISTEN for each channel; names are quoted, so any text is one.
    var statements: [SQL] {
        channels.map {
            SQL(
                trusted:
                    "LISTEN \"\($0.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\""))\""
            )
        }
    }
}
