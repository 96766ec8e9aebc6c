import CLibpq

// What comes back: each result belongs to the first item in flight.
extension Connection {
    /// Takes in what has arrived, answering reads at once.
    ///
    /// - Returns: false when the connection is lost.
    func receive() -> Bool {
        guard PQconsumeInput(handle) == 1 else { return false }
        lastActivity = .now
        while !inFlight.isEmpty || script != nil, PQisBusy(handle) == 0 {
            guard let result = PQgetResult(handle) else {
                guard takeSeparator() else { return false }
                continue
            }
            separators = 0
            guard take(result) else { return false }
        }
        if case .listener(let listener) = role { takeNotifications(for: listener) }
        return advanceQueue()
    }

    private func takeSeparator() -> Bool {
        separators += 1
        guard separators < 8 else { return false }
        if let request = script {
            script = nil
            completed.append(request)
            return PQenterPipelineMode(handle) == 1
        }
        return true
    }

    /// - Returns: false when the connection can't go on after this result.
    private func take(_ result: OpaquePointer) -> Bool {
        let status = PQresultStatus(result)
        let error = status == PGRES_FATAL_ERROR ? PostgresError.ServerError(result) : nil
        let isRows = status == PGRES_TUPLES_OK
        let isSuccess = isRows || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY
        let isExpected = isSuccess || status == PGRES_PIPELINE_SYNC || status == PGRES_PIPELINE_ABORTED || error != nil
        var isOwned = true
        defer { if isOwned { PQclear(result) } }
        // COPY, which nobody may start here; an error without SQLSTATE is libpq's own: the connection is broken.
        guard isExpected, error.map({ !$0.endsConnection }) ?? true else { return false }

        if let script {
            if let error { script.failure = script.failure ?? PostgresError(.server(error)) }
            return true
        }
        guard let item = inFlight.first else { return false }
        switch item {
        case .sync(let request):
            guard status == PGRES_PIPELINE_SYNC else {
                // The commit itself failed (a deferred constraint); the Sync is still to come.
                request?.failure = request?.failure ?? error.map { PostgresError(.server($0)) }
                return error != nil
            }
            if let request { completed.append(request) }
        case .deallocate:
            break
        case .prepare(let request, let statement):
            if isSuccess {
                statements.confirm(statement.key, name: statement.name)
            } else {
                statements.forget(statement.key, name: statement.name)
            }
            if let error { take(error, of: request, statement) }
        case .statement(let request, let statement):
            if isSuccess {
                isOwned = false
                take(QueryResult(storage: ResultStorage(owning: result)), of: request)
            } else if let error {
                take(error, of: request, statement)
            } else if request.isRead, request.failure == nil {
                aborted.append(request)
            }
            if request.isRead { reads -= 1 }
        }
        _ = inFlight.popFirst()
        return true
    }

    private func take(_ result: QueryResult, of request: Request) {
        if request.isRead {
            request.reply.answer(.success([result]))
        } else {
            request.results.append(result)
        }
    }

    private func take(_ error: PostgresError.ServerError, of request: Request, _ statement: Statement) {
        if error.isStalePlan {
            statements.forget(statement.key, name: statement.name, deallocating: error.sqlState != "26000")
        }
        if request.isRead, error.isStalePlan, !request.wasRetried {
            request.wasRetried = true
            aborted.append(request)
            return
        }
        request.failure = request.failure ?? PostgresError(answering: error)
        if request.isRead { request.answer() }
    }

    private func takeNotifications(for listener: Listener) {
        while let notification = PQnotifies(handle) {
            listener.buffer.append(
                .notification(
                    channel: String(cString: notification.pointee.relname),
                    payload: String(cString: notification.pointee.extra)))
            PQfreemem(notification)
        }
    }
}
