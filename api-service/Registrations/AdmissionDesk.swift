import CoreMetrics
import Domain
import FoundationEssentials
import Logging
import Persistence
import Postgres
import ServiceLifecycle

/// Where wishes for places wait for their turn and are committed together.
///
/// A wish goes at once when nobody is before it. While a batch of its event is being committed, later ones gather
/// (there is no timer: the wait is as long as the commit before), and are then committed as one transaction: one lock,
/// one insert, one commit for all of them, each with its own answer. Past ``AdmissionQueue/Limits`` a wish is refused
/// at once, with nothing done. Any number of instances may do this at a time: the row decides, not the desk.
final class AdmissionDesk: Service, CustomStringConvertible {
    /// Nothing was done; the queue is full, or the service stops.
    struct Overloaded: Error {}

    private static let lanes: [AdmissionQueue.Lane: Int] = [.quick: 3, .patient: 4]
    /// How long a wish may wait for its turn: longer means that the database doesn't answer.
    private static let longestWait = Duration.seconds(10)
    /// How often a batch is tried when connections are lost, counted from the first.
    private static let attempts = 3

    private let database: Database
    private let registrations: RegistrationStore
    private let eventCache: EventCache
    private let clock: @Sendable () -> Date
    private let logger: Logger
    private let queue: AdmissionQueue
    private let metrics: AdmissionMetrics

    init(
        database: Database, registrations: RegistrationStore, eventCache: EventCache = EventCache(),
        limits: AdmissionQueue.Limits = .init(), metrics: any MetricsFactory, clock: @escaping @Sendable () -> Date,
        logger: Logger
    ) {
        self.eventCache = eventCache
        self.database = database
        self.registrations = registrations
        self.clock = clock
        self.logger = logger
        queue = AdmissionQueue(limits)
        self.metrics = AdmissionMetrics(metrics)
    }

    /// How many wishes wait for their turn.
    var waiting: Int { queue.count }

    /// Whether so many wait that other work of this process had better wait, too.
    var isCrowded: Bool { queue.isCrowded }

    var description: String { "AdmissionDesk" }

    /// Returns once the wish is committed, or was by an earlier request of the same name.
    /// - Throws: ``DomainError`` for a refusal, ``Overloaded``, and ``PostgresError`` when the database can't be reached.
    func submit(_ wish: PlaceWish) async throws -> PlaceAnswer {
        let answer = try await withCheckedThrowingContinuation { continuation in
            let waiter = AdmissionQueue.Waiter(wish: wish, since: .now, continuation: continuation)
            if !queue.enqueue(waiter) {
                metrics.overloaded.increment()
                continuation.resume(throwing: Overloaded())
            }
        }
        switch answer {
        case .done, .replayed: return answer
        case .refused(let refusal): throw refusal
        case .busy: throw Overloaded()
        }
    }

    /// Serves until shutdown, then finishes what waits.
    func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                for (lane, count) in Self.lanes {
                    for _ in 0..<count { group.addTask(priority: .high) { await self.serve(lane) } }
                }
            }
        } onCancelOrGracefulShutdown: {
            self.queue.close()
        }
    }

    private func serve(_ lane: AdmissionQueue.Lane) async {
        while let batch = await queue.next(lane) {
            let now = ContinuousClock.now
            let (late, timely) = batch.waiters.partitioned { now - $0.since > Self.longestWait }
            for waiter in late { waiter.continuation.resume(throwing: Overloaded()) }
            let wishes = timely.map(\.wish)
            let (answers, doors, isMistaken) = await fulfil(wishes, batch.expected, isPatient: lane == .patient)
            // Before anybody hears of it: whoever looks then sees their own place.
            eventCache.invalidate(Set(timely.map(\.wish.eventID)))
            let (busy, answered) = Array(zip(timely, answers)).partitioned { $0.1.isBusy }
            // The next batch goes on its way first: the row has been free since the commit.
            queue.finish(batch.waiters, busy: busy.map(\.0), left: doors, isMistaken: isMistaken)
            for (waiter, answer) in answered { waiter.continuation.resume(with: answer) }
            metrics.record(batch: timely.count, since: timely.map(\.since), busy: busy.count)
        }
    }

    /// Answers to wishes in their order, and the doors as they were left.
    private typealias Outcome = (answers: [Result<PlaceAnswer, any Error>], doors: [ExpectedDoor])

    /// Commits wishes together, without a look at their door where that will do. When such a try fails, it has had no
    /// effect, or nobody knows: a look will tell.
    /// - Returns: also whether the door was found otherwise than expected.
    private func fulfil(
        _ wishes: [PlaceWish], _ expected: ExpectedDoor?, isPatient: Bool
    ) async -> (answers: [Result<PlaceAnswer, any Error>], doors: [ExpectedDoor], isMistaken: Bool) {
        var isMistaken = false
        if let expected, !wishes.isEmpty {
            do {
                if let admission = try await registrations.admit(wishes, expecting: expected, now: clock()) {
                    return (admission.answers.map { .success($0) }, admission.doors, false)
                }
            } catch {
                isMistaken = true
            }
        }
        let (answers, doors) = await looking(wishes, isPatient: isPatient)
        return (answers, doors, isMistaken)
    }

    /// Commits wishes together. A transaction of which nobody knows whether it was committed is tried again: each wish
    /// recognizes its own registration, and the row's lock lets nobody look before the first try has ended. When the
    /// database refuses the whole because of one of them, each goes alone.
    private func looking(_ wishes: [PlaceWish], isPatient: Bool) async -> Outcome {
        if wishes.isEmpty { return ([], []) }
        var unknown: PostgresError?
        for attempt in 1... {
            do {
                let admission = try await database.transaction { transaction in
                    try await registrations.admit(
                        wishes, isPatient: isPatient, clock: clock, onLocked: queue.locked, on: transaction)
                }
                return (admission.answers.map { .success($0) }, admission.doors)
            } catch let error as PostgresError where error.isAboutTheConnection {
                if error.outcomeUnknown { unknown = error }
                if attempt < Self.attempts, error.outcomeUnknown || error.isLoss { continue }
                logger.warning(
                    "admissions failed",
                    metadata: ["wishes": "\(wishes.count)", "attempts": "\(attempt)", "error": "\(error)"])
                let failure = unknown ?? error
                return (wishes.map { _ in .failure(failure) }, [])
            } catch {
                if wishes.count == 1 { return ([.failure(Self.explained(error))], []) }
                logger.warning("a batch of admissions is split", metadata: ["wishes": "\(wishes.count)"])
                break
            }
        }
        var answers: [Result<PlaceAnswer, any Error>] = []
        for wish in wishes { answers += await looking([wish], isPatient: true).answers }
        return (answers, [])
    }

    /// The account is gone: its token outlived it.
    private static func explained(_ error: any Error) -> any Error {
        guard let error = error as? PostgresError, error.constraint == "registrations_user_fkey" else { return error }
        return DomainError.notAuthenticated
    }
}

extension PlaceAnswer {
    /// The answer to a request for a place: what was kept for it, or made now.
    func answered(_ answer: (Registration) throws -> StoredResponse) throws -> Answered {
        switch self {
        case .done(let registration, _): Answered(try answer(registration))
        case .replayed(let answered): answered
        case .refused(let refusal): throw refusal
        case .busy: throw AdmissionDesk.Overloaded()
        }
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

extension Result where Success == PlaceAnswer {
    fileprivate var isBusy: Bool {
        if case .success(.busy) = self { true } else { false }
    }
}

extension Array {
    fileprivate func partitioned(_ belongsFirst: (Element) -> Bool) -> (first: [Element], second: [Element]) {
        (filter(belongsFirst), filter { !belongsFirst($0) })
    }
}
