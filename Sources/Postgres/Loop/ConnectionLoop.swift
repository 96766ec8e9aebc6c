// PROVISIONAL: blocking connections, one thread each, until the epoll loop lands. Same interface.
import CLibpq
import FoundationEssentials
import Glibc
import Logging
import Synchronization

final class ConnectionLoop: Sendable {
    private struct State {
        var connections: [UInt64: Worker] = [:]
        var idle: [UInt64] = []
        var nextID: UInt64 = 1
        var waiting: [CheckedContinuation<Void, Never>] = []
        var busy = 0
    }
    private let settings: DatabaseSettings
    private let state = Mutex(State())

    init(_ settings: DatabaseSettings, logger: Logger) { self.settings = settings }

    func read(_ sql: SQL) async throws(PostgresError) -> QueryResult {
        let lease = try await acquire()
        defer { release(lease) }
        return try await exchange(lease, [sql])[0]
    }
    func acquire() async throws(PostgresError) -> Lease {
        await withCheckedContinuation { continuation in
            let go = state.withLock { state in
                if state.busy < settings.maximumTransactions {
                    state.busy += 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if go { continuation.resume() }
        }
        return try await openSession()
    }
    func openSession() async throws(PostgresError) -> Lease {
        let (id, worker) = state.withLock { state in
            if let id = state.idle.popLast(), let worker = state.connections[id] { return (id, worker) }
            defer { state.nextID += 1 }
            let worker = Worker()
            state.connections[state.nextID] = worker
            return (state.nextID, worker)
        }
        let url = settings.url
        let result: Result<Void, PostgresError> = await worker.run { worker in
            if worker.connection != nil { return .success(()) }
            let connection = PQconnectdb(url)
            guard PQstatus(connection) == CONNECTION_OK else {
                let reason = String(cString: PQerrorMessage(connection))
                PQfinish(connection)
                return .failure(PostgresError(.unreachable(reason)))
            }
            PQclear(PQexec(connection, "SET client_min_messages = error; SET timezone = 'UTC'"))
            worker.connection = connection
            return .success(())
        }
        if case .failure(let error) = result {
            release(Lease(id: id))
            throw error
        }
        return Lease(id: id)
    }
    func release(_ lease: Lease) {
        let next = state.withLock { state in
            state.idle.append(lease.id)
            if !state.waiting.isEmpty { return Optional(state.waiting.removeFirst()) }
            state.busy -= 1
            return nil
        }
        next?.resume()
    }
    func executeAndRelease(_ lease: Lease, _ statements: [SQL]) async throws(PostgresError) -> [QueryResult] {
        defer { release(lease) }
        _ = try await exchange(lease, ["BEGIN"])
        do throws(PostgresError) {
            let results = try await exchange(lease, statements)
            _ = try await exchange(lease, ["COMMIT"])
            return results
        } catch {
            _ = try await exchange(lease, ["ROLLBACK"])
            throw error
        }
    }
    func exchange(
        _ lease: Lease, _ statements: [SQL], commits: Bool = false
    ) async throws(PostgresError) -> [QueryResult] {
        let worker = state.withLock { $0.connections[lease.id] }
        guard let worker else { throw PostgresError(.connectionLost) }
        return try await worker.run { worker -> Result<[QueryResult], PostgresError> in
            var results: [QueryResult] = []
            for statement in statements {
                switch worker.perform(statement) {
                case .success(let result): results.append(result)
                case .failure(let error): return .failure(error)
                }
            }
            return .success(results)
        }.get()
    }
    func commit(_ lease: Lease) async throws(PostgresError) { _ = try await exchange(lease, ["COMMIT"]) }
    func rollback(_ lease: Lease) async {
        do { _ = try await exchange(lease, ["ROLLBACK"]) } catch {}
    }
    func runScript(_ lease: Lease, _ script: [UInt8]) async throws(PostgresError) {
        let worker = state.withLock { $0.connections[lease.id] }
        guard let worker else { throw PostgresError(.connectionLost) }
        let text = String(decoding: script, as: UTF8.self)
        try await worker.run { worker -> Result<Void, PostgresError> in
            let result = PQexec(worker.connection, text)
            defer { PQclear(result) }
            if let error = worker.error(result) { return .failure(error) }
            return .success(())
        }.get()
    }
    func waitForLoss(of lease: Lease) async throws {
        try await Task.sleep(for: .seconds(1_000_000))
    }
    func listen(to channels: [String], into buffer: NotificationBuffer) { buffer.append(.connected) }
    func stopListening(_ buffer: NotificationBuffer) {}
    func close() async {}
    func abandon() {}
    var statistics: DatabaseStatistics { DatabaseStatistics() }
}

final class Worker: @unchecked Sendable {
    var connection: OpaquePointer?
    private let jobs = Mutex<[() -> Void]>([])
    private let ready = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() {
        sem_init(ready, 0, 0)
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { pointer in
                let worker = Unmanaged<Worker>.fromOpaque(pointer!).takeRetainedValue()
                while true {
                    sem_wait(worker.ready)
                    worker.next()()
                }
            }, Unmanaged.passRetained(self).toOpaque())
    }
    private func next() -> () -> Void {
        jobs.withLock {
            let job = $0.removeFirst(); return { job() }
        }
    }
    func run<R: Sendable>(_ body: @escaping @Sendable (Worker) -> R) async -> R {
        await withCheckedContinuation { continuation in
            jobs.withLock { $0.append { continuation.resume(returning: body(self)) } }
            sem_post(ready)
        }
    }
    func error(_ result: OpaquePointer?) -> PostgresError? {
        let status = PQresultStatus(result)
        if status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY { return nil }
        func field(_ code: Character) -> String? {
            PQresultErrorField(result, Int32(code.asciiValue!)).map { String(cString: $0) }
        }
        guard let sqlState = field("C") else { return PostgresError(.connectionLost) }
        return PostgresError(
            .server(
                .init(
                    sqlState: sqlState, message: field("M") ?? "", constraint: field("n"), detail: field("D"))))
    }
    func perform(_ sql: SQL) -> Result<QueryResult, PostgresError> {
        var values = sql.values + [0]
        let result = values.withUnsafeMutableBytes { bytes in
            let base = UnsafePointer(bytes.baseAddress!.assumingMemoryBound(to: CChar.self))
            let pointers = sql.extents.map { $0.length < 0 ? nil : Optional(base + $0.offset) }
            return PQexecParams(
                connection, sql.text, Int32(sql.types.count), sql.types, pointers,
                sql.extents.map { Int32(max($0.length, 0)) }, sql.extents.map { _ in 1 }, 1)
        }
        if let error = error(result) {
            PQclear(result)
            return .failure(error)
        }
        return .success(QueryResult(storage: ResultStorage(owning: result!)))
    }
}
