import AMQP
import Domain
import FoundationEssentials
import Messaging
import Persistence
import Redis

/// The status of the whole system, as seen from here. Only what is unreachable is missing from it.
struct SystemReport: Encodable {
    enum State: String, Encodable {
        case up, down
        /// The broker is up and accepts no messages for now: it is low on memory or disk.
        case blocked
        /// No connection to it from here.
        case unknown
    }

    struct Dependency: Encodable {
        var name: String
        var state: State
    }

    /// A running build of a service; without version and processes if none is running.
    struct Service: Encodable {
        var name: String
        @Nullable var version: String?
        @Nullable var revision: String?
        var instances: Int
    }

    struct Outbox: Encodable {
        var unpublished: Int
        @Nullable var oldestUnpublishedSeconds: Double?
        var unshown: Int
        @Nullable var oldestUnshownSeconds: Double?
        var relays: Int
    }

    struct WorkQueue: Encodable {
        var name: String
        var waiting: Int
        /// Waiting in the delay queues for a retry.
        var retrying: Int
        var parked: Int
        /// Workers' connections.
        var consumers: Int
    }

    struct Finding: Encodable {
        var invariant: String
        var severity: String
        var meaning: String
        var count: Int
    }

    struct Invariants: Encodable {
        var result: String
        var checkedAt: Date
        var findings: [Finding]
    }

    struct Mail: Encodable {
        var isPaused: Bool
        @Nullable var pausedAt: Date?
        var unsent: Int
        @Nullable var oldestUnsentSeconds: Double?
        var retrying: Int
        /// Failed within the last day.
        var failedToday: Int
        /// Null if the broker is unreachable.
        @Nullable var consumers: Int?
    }

    var at: Date
    /// Whether everything is up, nothing is parked or overdue, and the invariants hold.
    var isHealthy: Bool
    var dependencies: [Dependency]
    /// Null while the database, which knows them, is unreachable.
    @Nullable var services: [Service]?
    @Nullable var outbox: Outbox?
    @Nullable var queues: [WorkQueue]?
    @Nullable var mail: Mail?
    @Nullable var invariants: Invariants?
}

/// Builds the report, each part separately and within a time limit.
final class SystemInspection: Sendable {
    private let stores: Stores
    private let machinery: BackgroundServices?
    private let clock: @Sendable () -> Date
    private let invariants: InvariantMonitor

    private static let timeout = Duration.seconds(3)
    /// Checking the invariants reads every event: not for each request, and less often for a large site.
    private static let invariantsLast = Duration.seconds(60)
    private static let lookingAtInvariants = Duration.seconds(1)
    /// An outbox with a longer delay is not healthy.
    private static let lateAfter = 30.0

    init(
        stores: Stores, machinery: BackgroundServices?, invariants: InvariantMonitor,
        clock: @escaping @Sendable () -> Date
    ) {
        self.stores = stores
        self.machinery = machinery
        self.invariants = invariants
        self.clock = clock
    }

    func report() async -> SystemReport {
        async let outbox = answered(within: Self.timeout) { [stores] in try await stores.outbox.state(stores.database)
        }
        async let services = answered(within: Self.timeout) { [stores] in try await stores.presence.services() }
        async let queues = answered(within: Self.timeout) { try await self.queues() }
        async let mails = answered(within: Self.timeout) { try await self.mails() }
        async let invariants = recentInvariants()
        var report = SystemReport(at: clock(), isHealthy: false, dependencies: [])
        if let state = await outbox {
            report.outbox = SystemReport.Outbox(
                unpublished: state.unpublished, oldestUnpublishedSeconds: state.oldestUnpublished,
                unshown: state.unshown, oldestUnshownSeconds: state.oldestUnshown, relays: state.relays)
        }
        report.services = await services.map(Self.all)
        report.queues = await queues ?? nil
        report.mail = await mails.map(mail)
        report.invariants = await invariants
        report.dependencies = [
            .init(name: "postgres", state: report.outbox == nil ? .down : .up),
            .init(name: "rabbitmq", state: broker),
            .init(name: "redis", state: machinery.map { $0.redis.isConnected ? .up : .down } ?? .unknown),
        ]
        report.isHealthy = Self.isHealthy(report)
        return report
    }

    private static func isHealthy(_ report: SystemReport) -> Bool {
        guard let outbox = report.outbox, let queues = report.queues else { return false }
        return report.dependencies.allSatisfy { $0.state == .up }
            && report.services?.allSatisfy { $0.instances > 0 } == true
            && [outbox.oldestUnpublishedSeconds, outbox.oldestUnshownSeconds].allSatisfy { ($0 ?? 0) < lateAfter }
            && queues.allSatisfy { $0.parked == 0 && $0.consumers > 0 }
            && report.mail?.isPaused == false
            && (report.invariants?.findings.isEmpty ?? true)
    }

    /// Each service at least once, in the order of a message's path.
    private static func all(_ running: [RunningService]) -> [SystemReport.Service] {
        ["api-service", "ticket-worker", "notifications", "ws-hub"].flatMap { name in
            let builds = running.filter { $0.name == name }.map { build in
                SystemReport.Service(
                    name: name, version: build.version, revision: build.revision, instances: build.instances)
            }
            return builds.isEmpty ? [SystemReport.Service(name: name, instances: 0)] : builds
        }
    }

    private var broker: SystemReport.State {
        switch machinery?.relay.broker.state {
        case .connected: .up
        case .blocked: .blocked
        case .connecting, .closed: .down
        case nil: .unknown
        }
    }

    private func queues() async throws -> [SystemReport.WorkQueue]? {
        guard let publisher = machinery?.relay.broker, publisher.state == .connected || publisher.state == .blocked
        else { return nil }
        var queues: [SystemReport.WorkQueue] = []
        for queue in WorkerQueue.all {
            let work = try await publisher.queueStatus(queue.name)
            var retrying = 0
            for rung in queue.ladder.rungs {
                retrying += try await publisher.queueStatus(queue.retryQueue(rung)).messages
            }
            queues.append(
                SystemReport.WorkQueue(
                    name: queue.name, waiting: work.messages, retrying: retrying,
                    parked: try await publisher.queueStatus(queue.parked).messages, consumers: work.consumers))
        }
        return queues
    }

    private func mails() async throws -> (backlog: DeliveryBacklog, pausedAt: Date?) {
        async let backlog = stores.deliveries.backlog(now: clock())
        async let paused = stores.deliveries.pausedSince()
        return (try await backlog, try await paused)
    }

    private func mail(_ found: (backlog: DeliveryBacklog, pausedAt: Date?)) -> SystemReport.Mail {
        let now = clock()
        return SystemReport.Mail(
            isPaused: found.pausedAt != nil, pausedAt: found.pausedAt, unsent: found.backlog.unsent,
            oldestUnsentSeconds: found.backlog.oldestAt.map { now.timeIntervalSince($0) },
            retrying: found.backlog.retrying, failedToday: found.backlog.failed,
            consumers: machinery?.mails.reading.consumers)
    }

    private func recentInvariants() async -> SystemReport.Invariants? {
        // The caller shows that there is no response; the failing wrapper has logged the reason.
        guard
            let checked = try? await invariants.finding(
                noOlderThan: Self.invariantsLast, within: Self.lookingAtInvariants)?.report
        else { return nil }
        return SystemReport.Invariants(
            result: VerifyReportJSON.Result(checked.severity).rawValue, checkedAt: checked.at,
            findings: checked.findings.map { finding in
                SystemReport.Finding(
                    invariant: finding.invariant.rawValue, severity: finding.invariant.severity.rawValue,
                    meaning: finding.invariant.meaning, count: finding.count)
            })
    }
}
