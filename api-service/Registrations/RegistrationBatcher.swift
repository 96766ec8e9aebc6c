import CoreMetrics
import Domain
import FoundationEssentials
import Logging
import Persistence
import Postgres
import ServiceLifecycle

/// Batches concurrent registration requests per event and commits each batch in one transaction.
///
/// A request is committed at once if none is ahead of it. While a batch of its event is being committed, later requests
/// gather (there is no timer: they wait as long as the commit takes) and are then committed together: one lock, one
/// insert, one commit, and each request gets its own result. Beyond ``RegistrationQueue/Limits`` a request is refused
/// at once, with no effect. Any number of instances can run: the capacity row decides, not the batcher. Called by
/// ``RegistrationRoutes``; the transaction is ``RegistrationStore``'s.
final class RegistrationBatcher: Service, CustomStringConvertible {
    /// Nothing was done: the queue is full, or the service is stopping.
    struct Overloaded: Error {}

    /// Maximum number of concurrent batches.
    private static let committers: [RegistrationQueue.LockMode: Int] = [.skipLocked: 3, .waitForLock: 4]
    /// How long a request waits for its batch at most: longer means that the database doesn't respond.
    private static let longestWait = Duration.seconds(10)
    /// How many attempts a batch gets when connections are lost.
    private static let attempts = 3

    private let database: Database
    private let registrations: RegistrationStore
    private let eventCache: EventCache
    private let clock: @Sendable () -> Date
    private let logger: Logger
    private let queue: RegistrationQueue
    private let metrics: RegistrationMetrics

    init(
        database: Database, registrations: RegistrationStore, eventCache: EventCache = EventCache(),
        limits: RegistrationQueue.Limits = .init(), metrics: any MetricsFactory, clock: @escaping @Sendable () -> Date,
        logger: Logger
    ) {
        self.eventCache = eventCache
        self.database = database
        self.registrations = registrations
        self.clock = clock
        self.logger = logger
        queue = RegistrationQueue(limits)
        self.metrics = RegistrationMetrics(metrics)
    }

    /// Number of requests waiting for their batch.
    var waiting: Int { queue.count }

    /// Whether so many requests wait that other work of this process should yield.
    var isCrowded: Bool { queue.isCrowded }

    var description: String { "RegistrationBatcher" }

    /// Submits a request; returns once it is committed, or was by an earlier one with the same Idempotency-Key.
    /// - Throws: ``DomainError`` for a refusal, ``Overloaded``, and ``PostgresError`` when the database is unreachable.
    func submit(_ request: RegistrationRequest) async throws -> RegistrationResult {
        let result = try await withCheckedThrowingContinuation { continuation in
            let waiter = RegistrationQueue.Waiter(request: request, since: .now, continuation: continuation)
            if !queue.enqueue(waiter) {
                metrics.overloaded.increment()
                continuation.resume(throwing: Overloaded())
            }
        }
        switch result {
        case .done, .replayed: return result
        case .refused(let refusal): throw refusal
        case .busy: throw Overloaded()
        }
    }

    /// Runs until shutdown, then commits the waiting requests.
    func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                for (mode, count) in Self.committers {
                    for _ in 0..<count { group.addTask(priority: .high) { await self.commitBatches(mode) } }
                }
            }
        } onCancelOrGracefulShutdown: {
            self.queue.close()
        }
    }

    private func commitBatches(_ mode: RegistrationQueue.LockMode) async {
        while let batch = await queue.next(mode) {
            let now = ContinuousClock.now
            let (late, timely) = batch.waiters.partitioned { now - $0.since > Self.longestWait }
            for waiter in late { waiter.continuation.resume(throwing: Overloaded()) }
            let requests = timely.map(\.request)
            let (results, capacities, wasUnexpected) = await commit(
                requests, batch.expected, waitsForLocks: mode == .waitForLock)
            // Before the caller gets its result, so that a read of the event that follows sees its own spot taken.
            eventCache.invalidate(Set(timely.map(\.request.eventID)))
            let (busy, finished) = Array(zip(timely, results)).partitioned { $0.1.isBusy }
            // The next batch starts first: the row is free since the commit.
            queue.finish(batch.waiters, busy: busy.map(\.0), capacities: capacities, wasUnexpected: wasUnexpected)
            for (waiter, result) in finished { waiter.continuation.resume(with: result) }
            metrics.record(batch: timely.count, since: timely.map(\.since), busy: busy.count)
        }
    }

    /// The results of requests in their order, and the capacities as the commit left them.
    private typealias Committed = (results: [Result<RegistrationResult, any Error>], capacities: [ExpectedCapacity])

    /// Commits requests together, without reading a known capacity. If that fails, nothing was done or the outcome is
    /// unknown; reading the capacity settles it.
    /// - Returns: also whether the capacity was not as expected.
    private func commit(
        _ requests: [RegistrationRequest], _ expected: ExpectedCapacity?, waitsForLocks: Bool
    ) async -> (results: [Result<RegistrationResult, any Error>], capacities: [ExpectedCapacity], wasUnexpected: Bool) {
        var wasUnexpected = false
        if let expected, !requests.isEmpty {
            do {
                if let batch = try await registrations.commit(requests, expecting: expected, now: clock()) {
                    return (batch.results.map { .success($0) }, batch.capacities, false)
                }
            } catch {
                wasUnexpected = true
            }
        }
        let (results, capacities) = await readAndCommit(requests, waitsForLocks: waitsForLocks)
        return (results, capacities, wasUnexpected)
    }

    /// Commits requests together. A transaction whose outcome is unknown is repeated: each request finds its own registration, and
    /// the row's lock is not granted before the first attempt has ended. If the database refuses the batch because of one request,
    /// each is committed alone.
    private func readAndCommit(_ requests: [RegistrationRequest], waitsForLocks: Bool) async -> Committed {
        if requests.isEmpty { return ([], []) }
        var unknown: PostgresError?
        for attempt in 1... {
            do {
                let batch = try await database.transaction { transaction in
                    try await registrations.commit(
                        requests, waitsForLocks: waitsForLocks, clock: clock, onLocked: queue.locked, on: transaction)
                }
                return (batch.results.map { .success($0) }, batch.capacities)
            } catch let error as PostgresError where error.isAboutTheConnection {
                if error.outcomeUnknown { unknown = error }
                if attempt < Self.attempts, error.outcomeUnknown || error.isLoss { continue }
                logger.warning(
                    "registration batch failed",
                    metadata: ["requests": "\(requests.count)", "attempts": "\(attempt)", "error": "\(error)"])
                let failure = unknown ?? error
                return (requests.map { _ in .failure(failure) }, [])
            } catch {
                if requests.count == 1 { return ([.failure(Self.explained(error))], []) }
                logger.warning("registration batch split", metadata: ["requests": "\(requests.count)"])
                break
            }
        }
        var results: [Result<RegistrationResult, any Error>] = []
        for request in requests { results += await readAndCommit([request], waitsForLocks: true).results }
        return (results, [])
    }

    /// The account was erased while its access token was still valid.
    private static func explained(_ error: any Error) -> any Error {
        guard let error = error as? PostgresError, error.constraint == "registrations_user_fkey" else { return error }
        return DomainError.notAuthenticated
    }
}

extension RegistrationBatcher {
    /// Registers a person for an event: with a spot, or on its waitlist.
    /// - Parameters:
    ///   - organizer: who adds someone else, also before registration opens and after it closes; nil for the person themselves.
    ///   - request: the one with an Idempotency-Key; sent again, it gets the same response.
    ///   - respond: makes the response, which is stored with the registration.
    /// - Throws: ``DomainError``: notFound, eventNotPublished, eventCancelled, eventEnded, registrationNotOpen,
    ///   registrationClosed, alreadyRegistered, full; ``Overloaded``.
    func register(
        _ user: UserID, for event: EventID, by organizer: UserID? = nil, once request: IdempotentRequest?,
        _ respond: @escaping @Sendable (Registration) throws -> StoredResponse
    ) async throws -> Answered {
        let result = try await submit(
            .register(
                user, for: event, by: organizer,
                idempotency: request.map { RegistrationRequest.Idempotency($0, respond: respond) }))
        switch result {
        case .done(let registration, _): return Answered(try respond(registration))
        case .replayed(let answered): return answered
        case .refused(let refusal): throw refusal
        case .busy: throw Overloaded()
        }
    }

    /// Cancels a registration; the first of the waitlist is promoted in the same transaction. Canceling twice changes nothing
    /// and gives the same result: the registration with its revoked ticket, read before the commit, because a 5xx after it would
    /// say that nothing happened.
    /// - Parameters:
    ///   - organizer: who removes someone else; nil for the person themselves.
    ///   - reason: what the organizer tells the person.
    /// - Throws: ``DomainError/notFound``, ``DomainError/eventEnded``, ``DomainError/alreadyCheckedIn`` (an organizer may: the
    ///   check-in is undone), ``Overloaded``.
    func cancel(
        _ registration: Registration, by organizer: UserID? = nil, reason: String? = nil
    ) async throws -> (registration: Registration, ticket: Ticket?) {
        let result = try await submit(
            .cancel(registration.id, of: registration.eventID, by: organizer, reason: reason))
        guard case .done(let registration, let ticket) = result else { throw DomainError.notFound }
        return (registration, ticket)
    }
}

extension PostgresError {
    /// Whether the error says nothing about the statements themselves.
    fileprivate var isAboutTheConnection: Bool {
        switch kind {
        case .server: isRetriable
        case .decoding, .invalidURL: false
        case .connectionLost, .timedOut, .poolExhausted, .unreachable, .cancelled, .closed: true
        }
    }

    /// Whether a connection was lost, or lost while it was being made: the next one may work at once.
    fileprivate var isLoss: Bool {
        switch kind {
        case .connectionLost, .unreachable: true
        case .server: sqlState?.hasPrefix("57P") == true
        default: false
        }
    }
}

extension Result where Success == RegistrationResult {
    fileprivate var isBusy: Bool {
        if case .success(.busy) = self { true } else { false }
    }
}

extension Array {
    fileprivate func partitioned(_ belongsFirst: (Element) -> Bool) -> (first: [Element], second: [Element]) {
        (filter(belongsFirst), filter { !belongsFirst($0) })
    }
}
