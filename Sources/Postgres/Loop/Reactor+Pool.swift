/// Somebody waiting for a pooled connection.
struct Waiter {
    enum Purpose {
        /// Runs, and leaves the connection to the caller.
        case begin(Request)
        /// Runs, commits and gives the connection back without a task in between.
        case execute(Request)
    }

    let enqueuedAt: ContinuousClock.Instant
    let purpose: Purpose

    private var request: Request {
        switch purpose {
        case .begin(let request), .execute(let request): request
        }
    }

    var isAnswered: Bool { request.isCancelled || request.reply.isAnswered }

    func fail(_ kind: PostgresError.Kind) { request.fail(kind) }
}

// Transactions: a bounded number of connections, handed out first come first served.
extension Reactor {
    func enqueue(_ waiter: Waiter) {
        if waiters.count >= settings.maximumWaiting {
            waiter.fail(.poolExhausted)
        } else {
            waiters.append(waiter)
        }
    }

    func serveWaiters() {
        while let waiter = waiters.first {
            if waiter.isAnswered {
                _ = waiters.popFirst()
            } else if let connection = idle.popLast() {
                _ = waiters.popFirst()
                serve(waiter, with: connection)
            } else {
                break
            }
        }
        let capacity = settings.maximumTransactions - pooled
        while connectingPooled < min(waiters.count, capacity), poolBackoff.allows(at: now),
            poolBackoff.failures == 0 || connectingPooled == 0
        {
            connect(for: .pooled)
        }
    }

    private func serve(_ waiter: Waiter, with connection: Connection) {
        switch waiter.purpose {
        case .begin(let request):
            request.lease = newLease(of: connection)
            if connection.submit(request) { flush(connection) } else { drop(connection, .connectionLost) }
        case .execute(let request):
            guard request.reply.shield() else { return putBack(connection) }
            connection.executing = request
            if connection.submit(request) { flush(connection) } else { drop(connection, .connectionLost) }
        }
    }

    func putBack(_ connection: Connection) {
        idle.append(connection)
    }

    func pooledConnected(_ connection: Connection) {
        poolBackoff.succeeded()
        pooled += 1
        putBack(connection)
    }

    /// As with reads: whoever has been waiting since before the attempt is told, if there is no connection at all.
    func poolRefused(_ attempt: Attempt, _ error: PostgresError) {
        poolBackoff.failed(at: now)
        lastRefusal = error.kind
        guard pooled == 0 else { return }
        waiters.removeAll { waiter in
            guard waiter.enqueuedAt <= attempt.startedAt else { return false }
            waiter.fail(error.kind)
            return true
        }
    }

    /// Waiters over the wait limit are told why there was nothing for them.
    func expireWaiters() {
        while let waiter = waiters.first, waiter.enqueuedAt + settings.acquireTimeout <= now {
            _ = waiters.popFirst()
            waiter.fail(pooled == 0 ? lastRefusal ?? .timedOut : .poolExhausted)
        }
    }
}
