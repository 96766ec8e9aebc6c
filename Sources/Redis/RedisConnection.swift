import CHiredis
import CRedisTLS
import Glibc

/// One hiredis context, driven without blocking after the connect.
///
/// Not Sendable: it belongs to the one thread that made it, which is also the only one to let go of it.
final class RedisConnection {
    /// Valid from init to deinit; never leaves this object.
    private let context: UnsafeMutablePointer<redisContext>
    /// Beneath the context when the address asks for TLS; used and freed with it.
    private var tls: OpaquePointer?
    private(set) var hasUnsentBytes = false
    /// When bytes last came in.
    private(set) var lastReceived = ContinuousClock.now

    /// Connects (blocking this thread), then speaks AUTH, SELECT and PING; all of it within `timeout`.
    init(_ address: RedisAddress, timeout: Duration, wake: WakeUp) throws(RedisError) {
        let deadline = ContinuousClock.now + timeout
        let (seconds, attoseconds) = timeout.components
        let interval = timeval(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
        guard let context = redisConnectWithTimeout(address.host, CInt(address.port), interval) else {
            throw RedisError(.unreachable("out of memory"))
        }
        self.context = context
        // From here on every stored property is set: a throw runs deinit, which frees the context.
        if context.pointee.err != 0 { throw RedisError(.unreachable(errorText)) }
        if let authorities = address.certificateAuthorities {
            redisSetTimeout(context, interval)
            tls = try Self.shakeHands(context, address.host, authorities)
        }
        let descriptor = context.pointee.fd
        guard fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) == 0,
            fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
        else { throw RedisError(.unreachable("fcntl failed: \(errno)")) }
        context.pointee.flags &= ~REDIS_BLOCK
        try greet(address, wake: wake, deadline: deadline)
    }

    deinit {
        redis_tls_close(tls)
        redisFree(context)
    }

    private static func shakeHands(
        _ context: UnsafeMutablePointer<redisContext>, _ host: String, _ authorities: String
    ) throws(RedisError) -> OpaquePointer {
        var reason = [CChar](repeating: 0, count: 256)
        guard let tls = redis_tls_open(context, host, authorities, &reason, reason.count) else {
            let bytes = reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            throw RedisError(.unreachable(String(decoding: bytes, as: UTF8.self)))
        }
        return tls
    }

    private var errorText: String {
        withUnsafeBytes(of: context.pointee.errstr) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    private func greet(_ address: RedisAddress, wake: WakeUp, deadline: ContinuousClock.Instant) throws(RedisError) {
        var expected = 1
        if let password = address.password {
            append((["AUTH"] + [address.user].compactMap(\.self) + [password]).map { Array($0.utf8) })
            expected += 1
        }
        if address.database != 0 {
            append(["SELECT", String(address.database)].map { Array($0.utf8) })
            expected += 1
        }
        append([Array("PING".utf8)])
        while expected > 0 {
            try flush()
            guard ContinuousClock.now < deadline else { throw RedisError(.unreachable("it does not answer")) }
            try wait(wake: wake, until: deadline)
            while let reply = try nextReply() {
                if case .error(let code) = reply { throw RedisError(.refused(code: code)) }
                expected -= 1
            }
        }
    }

    /// Puts a command into hiredis' output buffer.
    func append(_ parts: [[UInt8]]) {
        let joined = parts.flatMap(\.self)
        var lengths = parts.map(\.count)
        joined.withUnsafeBytes { bytes in
            // An empty buffer has no address; every length is zero then, and hiredis reads nothing.
            let base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1)!
            var offset = 0
            var arguments = lengths.map { length -> UnsafePointer<CChar>? in
                defer { offset += length }
                return (base + offset).assumingMemoryBound(to: CChar.self)
            }
            let result = redisAppendCommandArgv(context, CInt(parts.count), &arguments, &lengths)
            precondition(result == REDIS_OK, "out of memory")
        }
        hasUnsentBytes = true
    }

    /// Writes as much of the output buffer as the socket takes.
    func flush() throws(RedisError) {
        var done: CInt = 0
        while hasUnsentBytes {
            let result =
                if let tls { redis_tls_write(tls, context, &done) } else { redisBufferWrite(context, &done) }
            guard result == REDIS_OK else { throw RedisError(.connectionLost) }
            if done == 1 { hasUnsentBytes = false } else { return }
        }
    }

    /// Waits for bytes, for room to write (if any is needed), for the wake-up, or for the instant; reads what there is.
    func wait(wake: WakeUp, until instant: ContinuousClock.Instant) throws(RedisError) {
        var polls = [
            pollfd(fd: context.pointee.fd, events: Int16(POLLIN | (hasUnsentBytes ? POLLOUT : 0)), revents: 0),
            pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        let ready = poll(&polls, 2, milliseconds(until: instant))
        if ready < 0, errno != EINTR { throw RedisError(.connectionLost) }
        if polls[1].revents != 0 { wake.drain() }
        if polls[0].revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 {
            // A full buffer of 16 kB may mean that more is there: poll says so in the next round.
            let result = if let tls { redis_tls_read(tls, context) } else { redisBufferRead(context) }
            guard result == REDIS_OK else { throw RedisError(.connectionLost) }
            lastReceived = .now
        }
        if hasUnsentBytes { try flush() }
    }

    /// The next complete answer among the bytes read so far.
    func nextReply() throws(RedisError) -> RedisReply? {
        var raw: UnsafeMutableRawPointer?
        guard redisGetReplyFromReader(context, &raw) == REDIS_OK else { throw RedisError(.protocolViolation) }
        guard let raw else { return nil }
        defer { freeReplyObject(raw) }
        return RedisReply(copying: raw.assumingMemoryBound(to: redisReply.self).pointee)
    }
}
