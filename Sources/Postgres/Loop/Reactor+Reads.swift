// Reads: pending ones go to the reader with the least to do, as many as there are, behind one Sync.
extension Reactor {
    /// Reads in flight on one connection; more wait here, where they can still be cancelled or go elsewhere.
    private static let maximumInFlight = 1024
    private static let sweepInterval = Duration.milliseconds(250)

    var readsUnderWay: Int { readers.reduce(pendingReads.count) { $0 + $1.reads } }

    func dispatchReads() {
        if !pendingReads.isEmpty { wantsReaders = true }
        if wantsReaders { connectReaders() }
        while !pendingReads.isEmpty, let reader = readers.min(by: { $0.reads < $1.reads }) {
            let room = Self.maximumInFlight - reader.reads
            if room <= 0 { return }
            let share = (pendingReads.count + readers.count - 1) / readers.count
            let batch = nextBatch(limit: min(room, share))
            if batch.isEmpty { continue }
            if reader.send(reads: batch) { flush(reader) } else { drop(reader, .connectionLost) }
        }
    }

    /// Takes reads from the front, leaving out those whose callers have gone. A read that must run alone is a batch.
    private func nextBatch(limit: Int) -> [Request] {
        var batch: [Request] = []
        while batch.count < limit, let next = pendingReads.first {
            if next.runsAlone && !batch.isEmpty { break }
            _ = pendingReads.popFirst()
            if next.reply.isAnswered { continue }
            batch.append(next)
            if next.runsAlone { break }
        }
        return batch
    }

    private func connectReaders() {
        while readers.count + connectingReaders < settings.readConnections, readBackoff.allows(at: now),
            // A server that was away is tried with one connection first.
            readBackoff.failures == 0 || connectingReaders == 0
        {
            connect(for: .reader)
        }
    }

    func readerConnected(_ connection: Connection) {
        readBackoff.succeeded()
        readers.append(connection)
    }

    /// Without any reader, whoever has been waiting since before the attempt is told; later ones get an attempt of
    /// their own.
    func readersRefused(_ attempt: Attempt, _ error: PostgresError) {
        readBackoff.failed(at: now)
        lastRefusal = error.kind
        guard readers.isEmpty else { return }
        pendingReads.removeAll { request in
            guard request.enqueuedAt <= attempt.startedAt else { return false }
            request.fail(error.kind)
            return true
        }
    }

    /// Every quarter of a second: reads over their time are answered, wherever they are.
    func sweepReads() {
        guard nextReadSweep <= now else { return }
        nextReadSweep = now + Self.sweepInterval
        let (tooOld, unconnected) = (now - silenceLimit, now - settings.acquireTimeout)
        for reader in readers { reader.failReads(enqueuedBefore: tooOld) }
        pendingReads.removeAll { request in
            if request.enqueuedAt < tooOld {
                request.fail(.timedOut)
            } else if readers.isEmpty, request.enqueuedAt < unconnected {
                request.fail(lastRefusal ?? .timedOut)
            }
            return request.reply.isAnswered
        }
    }
}
