import CLibpq
import Glibc

// Deadlines, and the end.
extension Reactor {
    /// How long epoll may sleep, in milliseconds.
    func timeout() -> Int32 {
        var next = now + .seconds(60)
        for connection in connections.values { next = min(next, deadline(of: connection)) }
        if let waiter = waiters.first { next = min(next, waiter.enqueuedAt + settings.acquireTimeout) }
        if readsUnderWay > 0 { next = min(next, nextReadSweep) }
        // A time that has passed has been acted on in this round, as far as it could be.
        let wantsReader = wantsReaders && readers.count + connectingReaders < settings.readConnections
        if wantsReader, let at = readBackoff.notBefore, at > now { next = min(next, at) }
        let wantsPooled = !waiters.isEmpty && pooled + connectingPooled < settings.maximumTransactions
        if wantsPooled, let at = poolBackoff.notBefore, at > now { next = min(next, at) }
        for listener in listeners where listener.connection == nil && !listener.isConnecting {
            if let at = listener.backoff.notBefore, at > now { next = min(next, at) }
        }
        if let closingDeadline { next = min(next, closingDeadline) }
        let remaining = next - ContinuousClock.now
        return remaining <= .zero ? 0 : Int32(remaining.milliseconds + 1)
    }

    /// When the connection has been silent for too long, or for long enough to ask whether it lives.
    private func deadline(of connection: Connection) -> ContinuousClock.Instant {
        if connection.hasDeadline { return connection.lastActivity + silenceLimit }
        // A script takes its time; an open transaction must not be kept from the server's limit on idling in it.
        if !connection.isClean { return now + .seconds(60) }
        return connection.lastActivity + settings.heartbeatInterval
    }

    func checkDeadlines() {
        for connection in connections.values.filter({ deadline(of: $0) <= now }) {
            if connection.hasDeadline {
                drop(connection, .timedOut)
            } else if connection.submit(Request(.heartbeat)) {
                flush(connection)
            } else {
                drop(connection, .connectionLost)
            }
        }
        expireWaiters()
        if readsUnderWay > 0 { sweepReads() }
    }

    /// Keeps the books of a connection that has been dropped.
    func connectionGone(_ connection: Connection) {
        switch connection.role {
        case .reader:
            readers.removeAll { $0 === connection }
            readBackoff.failed(at: now)
        case .pooled:
            pooled -= 1
            idle.removeAll { $0 === connection }
        case .session: sessions -= 1
        case .listener(let listener): listenerLost(listener)
        }
    }

    func publishStatistics() {
        statistics.readConnections = readers.count
        statistics.reads = readsUnderWay
        statistics.open = pooled
        statistics.idle = idle.count
        statistics.waiting = waiters.count
        statistics.sessions = sessions
        statistics.listeners = listeners.count
        loop.publish(statistics)
    }

    // MARK: closing

    func beginClosing(_ reply: Reply<Void>?) {
        if let reply { closeReplies.append(reply) }
        if closingDeadline != nil { return }
        closingDeadline = now + silenceLimit
        for listener in listeners { listener.buffer.finish() }
        listeners = []
        for connection in Array(connections.values) {
            switch connection.role {
            case .session, .listener: drop(connection, .closed)
            case .reader, .pooled: break
            }
        }
    }

    /// Closing, and nothing is under way any more, or it has had its time.
    var isFinished: Bool {
        guard let closingDeadline else { return false }
        return (readsUnderWay == 0 && waiters.isEmpty && idle.count == pooled) || closingDeadline <= now
    }

    func finish() {
        let (reads, commands) = loop.finish()
        for connection in Array(connections.values) { drop(connection, nil) }
        for request in pendingReads.drain() + reads { request.fail(.closed) }
        for waiter in waiters.drain() { waiter.fail(.closed) }
        for command in commands { refuse(command) }
        failAttempts()
        Glibc.close(epoll)
        publishStatistics()
        for reply in closeReplies { reply.answer(.success(())) }
    }

    private func refuse(_ command: ConnectionLoop.Command) {
        let closed = PostgresError(.closed)
        switch command {
        case .openSession(let reply): reply.answer(.failure(closed))
        case .begin(let request), .execute(let request), .submit(let request, _): request.fail(.closed)
        case .watch(_, let reply): reply.answer(.failure(closed))
        case .listen(_, let buffer): buffer.finish()
        case .connected(_, .success(let handle)): PQfinish(handle.pointer)
        case .close(let reply): reply?.answer(.success(()))
        case .connected, .cancel, .cancelBegin, .release, .stopListening, .cancellationEnded: break
        }
    }
}
