public import Logging

/// The limits of a ``RedisClient`` or ``RedisSubscriber``.
public struct RedisSettings: Sendable {
    /// For the TCP connect and the greeting together.
    public var connectTimeout: Duration = .seconds(2)
    /// From the call to the answer. A server that lets one command run past it loses the connection.
    public var commandTimeout: Duration = .seconds(3)
    /// Commands that may wait or be under way at once; further ones throw `overloaded`.
    public var maximumPending = 16_384
    /// Bytes of those commands; further ones throw `overloaded`.
    public var maximumPendingBytes = 64 << 20
    /// A silent subscriber asks `PING` this often; no answer within `commandTimeout` means a lost connection.
    public var pingInterval: Duration = .seconds(2)
    /// Channels that a subscriber may want at once; further ones throw `overloaded`.
    public var maximumChannels = 100_000
    /// Events that a subscriber keeps for its reader; see ``RedisSubscriber`` for what happens beyond.
    public var maximumBufferedEvents = 16_384
    /// Bytes of those events.
    public var maximumBufferedBytes = 16 << 20

    public init() {}
}

/// Commands to one Redis over one connection, pipelined: concurrent callers share writes and reads.
///
/// A thread of its own drives the connection and reconnects for ever, with a jittered backoff. While the connection is
/// being made, commands wait for it; once an attempt has failed they fail at once with `unreachable`, until the
/// connection is back. Nothing is sent twice.
public final class RedisClient: Sendable {
    private let shared: CommandQueue
    private let commandTimeout: Duration

    /// Starts connecting; never fails because the server is away.
    public init(_ address: RedisAddress, settings: RedisSettings = RedisSettings(), logger: Logger) {
        let shared = CommandQueue(settings)
        self.shared = shared
        commandTimeout = settings.commandTimeout
        startThread(named: "redis-commands") {
            var thread = CommandThread(address, settings: settings, queue: shared, logger: logger)
            thread.run()
        }
    }

    deinit { shared.close() }

    /// Whether the connection stands now, as far as is known.
    public var isConnected: Bool { shared.isConnected }

    /// Sends one command (its name and arguments) and returns the answer.
    ///
    /// - Throws: ``RedisError``; an error answer of the server as kind `server`.
    @discardableResult
    public func command(_ parts: [[UInt8]]) async throws(RedisError) -> RedisReply {
        precondition(!parts.isEmpty, "a command has a name")
        let command = PendingCommand(parts, deadline: .now + commandTimeout)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                command.outcome.start(continuation)
                shared.enqueue(command)
            }
        } onCancel: {
            command.outcome.finish(.failure(RedisError(.cancelled)))
        }
        let reply = try result.get()
        if case .error(let code) = reply { throw RedisError(.server(code: code)) }
        return reply
    }

    /// The same with text arguments.
    @discardableResult
    public func command(_ parts: [String]) async throws(RedisError) -> RedisReply {
        try await command(parts.map { Array($0.utf8) })
    }

    /// Publishes and returns how many subscribers of this server received it.
    @discardableResult
    public func publish(_ payload: [UInt8], to channel: String) async throws(RedisError) -> Int {
        let reply = try await command([Array("PUBLISH".utf8), Array(channel.utf8), payload])
        guard let receivers = reply.integer else { throw RedisError(.protocolViolation) }
        return Int(receivers)
    }

    /// Ends the connection; what waits or is under way fails with `closed`. Returns when the thread has let go of it,
    /// at the latest after the connect timeout.
    public func close() async {
        shared.close()
        await shared.ended.wait()
    }
}

/// One command and the wait of its caller.
final class PendingCommand: Sendable {
    let parts: [[UInt8]]
    let deadline: ContinuousClock.Instant
    /// The size on the wire, roughly.
    let byteCount: Int
    let outcome = OneShot<Result<RedisReply, RedisError>>()

    init(_ parts: [[UInt8]], deadline: ContinuousClock.Instant) {
        self.parts = parts
        self.deadline = deadline
        byteCount = parts.reduce(0) { $0 + $1.count + 16 }
    }
}
