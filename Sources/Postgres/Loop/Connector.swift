import CLibpq

/// A libpq connection on its way from the thread that made it to the thread that will use it.
///
/// `@unchecked Sendable`: it has one holder at a time, who passes it on and forgets it.
struct ConnectionHandle: @unchecked Sendable {
    let pointer: OpaquePointer
}

/// What blocks in libpq, on short-lived threads: connecting (with the look-up of the name) and cancelling. There are
/// never more of them than connections the settings allow, and four cancellations.
enum Connector {
    typealias Outcome = Result<ConnectionHandle, PostgresError>

    /// Connects and hands over a non-blocking connection in pipeline mode.
    static func connect(
        _ settings: DatabaseSettings, readOnly: Bool, deliver: @escaping @Sendable (Outcome) -> Void
    ) {
        let started = startThread(name: "pg-connect") { deliver(connect(settings, readOnly: readOnly)) }
        if !started { deliver(.failure(PostgresError(.unreachable("no thread to connect on")))) }
    }

    private static func connect(_ settings: DatabaseSettings, readOnly: Bool) -> Outcome {
        let parameters = parameters(settings, readOnly: readOnly)
        let handle = withCStrings(parameters.map(\.0)) { keywords in
            withCStrings(parameters.map(\.1)) { values in PQconnectdbParams(keywords, values, 1) }
        }
        guard let handle else { return .failure(PostgresError(.unreachable("out of memory"))) }
        // Notices may quote values, and libpq's default is to print them.
        PQsetNoticeReceiver(handle, { _, _ in }, nil)
        guard PQstatus(handle) == CONNECTION_OK, PQsetnonblocking(handle, 1) == 0, PQenterPipelineMode(handle) == 1
        else {
            let reason = String(cString: PQerrorMessage(handle))
            PQfinish(handle)
            let line = reason.split(separator: "\n").joined(separator: " ")
            return .failure(PostgresError(.unreachable(line)))
        }
        return .success(ConnectionHandle(pointer: handle))
    }

    /// Later ones win: what stands before the URL (`dbname`) are defaults, what follows it is ours.
    private static func parameters(_ settings: DatabaseSettings, readOnly: Bool) -> [(String, String)] {
        var options = "\(settings.urlOptions) -c TimeZone=UTC -c client_min_messages=warning"
        options += " -c statement_timeout=\(max(settings.queryTimeout.milliseconds, 1))"
        options += " -c idle_in_transaction_session_timeout=60000"
        // Short statements: its compiler costs more than it saves.
        options += " -c jit=off"
        if readOnly { options += " -c default_transaction_read_only=on" }
        return [
            ("application_name", settings.applicationName), ("keepalives_idle", "30"), ("keepalives_interval", "10"),
            ("keepalives_count", "3"), ("tcp_user_timeout", "30000"),
            ("dbname", settings.url),
            ("client_encoding", "UTF8"), ("connect_timeout", "\(max(settings.connectTimeout.milliseconds / 1000, 2))"),
            ("options", options),
        ]
    }

    /// Asks the server to stop what the connection runs, then calls `done`. The connection itself may be closed
    /// already.
    ///
    /// `cancel` comes from `PQgetCancel` and is freed here.
    static func cancel(_ cancel: CancelHandle, done: @escaping @Sendable () -> Void) {
        let started = startThread(name: "pg-cancel") {
            var reason = [CChar](repeating: 0, count: 256)
            // Best effort: when the server can't be told, its statement_timeout ends the statement.
            _ = PQcancel(cancel.pointer, &reason, Int32(reason.count))
            PQfreeCancel(cancel.pointer)
            done()
        }
        if !started {
            PQfreeCancel(cancel.pointer)
            done()
        }
    }
}

/// `@unchecked Sendable`: libpq lets one thread at a time use it, and it is handed over for good.
struct CancelHandle: @unchecked Sendable {
    let pointer: OpaquePointer
}

/// The strings as a NULL-terminated array of C strings, valid during `body`.
private func withCStrings<R>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> R
) -> R {
    var bytes: [CChar] = []
    let offsets = strings.map { string in
        defer { bytes.append(contentsOf: string.utf8CString) }
        return bytes.count
    }
    return bytes.withUnsafeBufferPointer { buffer in
        let pointers = offsets.map { offset in buffer.baseAddress.map { $0 + offset } } + [nil]
        return pointers.withUnsafeBufferPointer { body($0.baseAddress!) }
    }
}
