import ArgumentParser
import Domain
import FoundationEssentials
import Messaging
import Persistence
import Postgres

struct Reconcile: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Republish messages that no worker is known to have handled, after the broker lost its queues.",
        discussion: """
            For use after the database was restored from a backup, or RabbitMQ lost its data. Compares the event log \
            with the workers' inboxes, and has the relay republish what is missing there, with the same ids and \
            sequences, so that duplicates are detected. Also plans webhook deliveries that were never planned. Safe to \
            run at any time, repeatedly, and while everything is up. Integrators can get messages again; they read what \
            their queues lost from the event log.

            Uses EM_DATABASE_URL. Exit status: 0 done.
            """)

    /// The workers' inboxes keep 30 days; one day is the margin for messages in flight.
    private static let days = 29

    @Option(help: "Only messages of the last N days (1 to \(days)).") var within = days
    @Flag(help: "Only report what would be republished.") var dryRun = false

    func validate() throws {
        guard (1...Self.days).contains(within) else { throw ValidationError("--within takes 1 to \(Self.days) days.") }
    }

    func run() async throws {
        let since = Date().addingTimeInterval(-Double(within) * 86_400)
        let (again, webhooks) = try await withDatabase("EM_DATABASE_URL") { database, _ in
            (
                try await Self.reconcile(database, since: since, isTrial: dryRun),
                try await WebhookStore(database).reconcile(since: since, isTrial: dryRun)
            )
        }
        let total = again.values.reduce(0, +)
        let verb = dryRun ? "would be published again" : "are published again"
        for (type, count) in again.sorted(by: { $0.key < $1.key }) { print("\(type): \(count)") }
        if webhooks > 0 { print("\(webhooks) deliveries of webhooks \(dryRun ? "would be" : "are") planned.") }
        print(total == 0 ? "Nothing is missing: every message was had." : "\(total) messages \(verb).")
    }

    /// Scans the whole log in steps, each in its own transaction.
    static func reconcile(_ database: Database, since: Date, isTrial: Bool) async throws -> [String: Int] {
        let owed = WorkerQueue.all.flatMap(\.owed)
        var (row, again) = (0, [String: Int]())
        while true {
            let step = try await database.transaction { [row] transaction in
                try await OutboxStore().reconcile(
                    owed, since: since, after: row, limit: 5000, isTrial: isTrial, on: transaction)
            }
            again.merge(step.again, uniquingKeysWith: +)
            guard let last = step.last else { return again }
            row = last
        }
    }
}
