import CLibpq
import CLinux
import Glibc
import Logging

// Connections: made by the connector's threads, adopted, handed out, dropped here.
extension Reactor {
    /// The connection, if the lease is still good.
    func holder(of lease: Lease) -> Connection? {
        guard let connection = connections[lease.connection], connection.lease == lease.number else { return nil }
        return connection
    }

    func nextID() -> UInt64 {
        lastID += 1
        return lastID
    }

    func connect(for purpose: Purpose) {
        let id = nextID()
        attempts[id] = Attempt(purpose: purpose, startedAt: now)
        switch purpose {
        case .reader: connectingReaders += 1
        case .pooled: connectingPooled += 1
        case .session: break
        case .listener(let listener): listener.isConnecting = true
        }
        var readOnly = false
        if case .reader = purpose { readOnly = true }
        Connector.connect(settings, readOnly: readOnly) { [loop] outcome in
            let isTaken = loop.postUnlessFinished(.connected(attempt: id, outcome))
            if !isTaken, case .success(let handle) = outcome { PQfinish(handle.pointer) }
        }
    }

    func finish(attempt id: UInt64, _ outcome: Connector.Outcome) {
        guard let attempt = attempts.removeValue(forKey: id) else { return }
        switch attempt.purpose {
        case .reader: connectingReaders -= 1
        case .pooled: connectingPooled -= 1
        case .session: break
        case .listener(let listener): listener.isConnecting = false
        }
        switch outcome {
        case .success(let handle):
            statistics.connectionsMade += 1
            adopt(handle, attempt.purpose)
        case .failure(let error):
            connectionRefused(attempt, error)
        }
    }

    private func adopt(_ handle: ConnectionHandle, _ purpose: Purpose) {
        let role: Connection.Role =
            switch purpose {
            case .reader: .reader
            case .pooled: .pooled
            case .session: .session
            case .listener(let listener): .listener(listener)
            }
        let connection = Connection(id: nextID(), role: role, handle: handle)
        guard linux_epoll_ctl(epoll, EPOLL_CTL_ADD, connection.socket, EPOLLIN.rawValue, connection.id) == 0 else {
            _ = connection.finish(cancelling: false)
            return connectionRefused(
                Attempt(purpose: purpose, startedAt: now), PostgresError(.unreachable("epoll refused the socket")))
        }
        connections[connection.id] = connection
        switch purpose {
        case .reader: readerConnected(connection)
        case .pooled: pooledConnected(connection)
        case .session(let reply):
            sessions += 1
            if !handOut(connection, to: reply) { drop(connection, nil) }
        case .listener(let listener): listenerConnected(listener, connection)
        }
    }

    /// Those who wait for a connection being made, when none will be taken any more.
    func failAttempts() {
        for attempt in attempts.values {
            if case .session(let reply) = attempt.purpose { reply.answer(.failure(PostgresError(.closed))) }
        }
    }

    private func connectionRefused(_ attempt: Attempt, _ error: PostgresError) {
        switch attempt.purpose {
        case .reader: readersRefused(attempt, error)
        case .pooled: poolRefused(attempt, error)
        case .session(let reply): reply.answer(.failure(error))
        case .listener(let listener):
            // Nobody waits for it who could be told.
            if listener.backoff.failures == 0 {
                logger.warning("can't listen for notifications, trying on", metadata: ["error": "\(error)"])
            }
            listener.backoff.failed(at: now)
        }
    }

    /// - Returns: false when the caller has gone meanwhile.
    func handOut(_ connection: Connection, to reply: Reply<Lease>) -> Bool {
        let isTaken = reply.answer(.success(newLease(of: connection)))
        if !isTaken { connection.lease = nil }
        return isTaken
    }

    func newLease(of connection: Connection) -> Lease {
        let number = nextID()
        connection.lease = number
        return Lease(connection: connection.id, number: number)
    }

    func release(_ connection: Connection) {
        if case .pooled = connection.role, connection.isClean {
            connection.lease = nil
            putBack(connection)
        } else {
            drop(connection, nil)
        }
    }

    /// Sends what is buffered, and watches the socket for writing as long as it does not take everything.
    func flush(_ connection: Connection) {
        guard let isBlocked = connection.flush() else { return drop(connection, .connectionLost) }
        if isBlocked == connection.isWatchedForWriting { return }
        connection.isWatchedForWriting = isBlocked
        let events = EPOLLIN.rawValue | (isBlocked ? EPOLLOUT.rawValue : 0)
        _ = linux_epoll_ctl(epoll, EPOLL_CTL_MOD, connection.socket, events, connection.id)
    }

    /// Closes a connection and answers everyone who waits on it.
    ///
    /// - Parameter kind: what they are told; nil when we close it in good order.
    func drop(_ connection: Connection, _ kind: PostgresError.Kind?, cancelling: Bool = false) {
        guard connections.removeValue(forKey: connection.id) != nil else { return }
        _ = linux_epoll_ctl(epoll, EPOLL_CTL_DEL, connection.socket, 0, 0)
        let wasBusy = connection.isBusy
        let mayRetry = if case .connectionLost = kind { closingDeadline == nil } else { false }
        var again: [Request] = []
        for request in connection.takeOutstanding() {
            if mayRetry, request.isRead, !request.wasRetried {
                request.wasRetried = true
                again.append(request)
            } else {
                request.fail(kind ?? .closed)
            }
        }
        if !again.isEmpty { pendingReads.prepend(again) }
        for reply in connection.lossReplies { reply.answer(.failure(PostgresError(.connectionLost))) }
        connectionGone(connection)
        if kind != nil, !cancelling, closingDeadline == nil {
            statistics.connectionsLost += 1
            logger.warning("database connection lost", metadata: ["cause": "\(PostgresError(kind ?? .closed))"])
        }
        // The request under way may take long: tell the server, unless four others are being told and it won't listen.
        let tells = cancelling && wasBusy && cancellations < 4
        if let cancel = connection.finish(cancelling: tells) {
            cancellations += 1
            Connector.cancel(cancel) { [loop] in loop.postUnlessFinished(.cancellationEnded) }
        }
    }
}
