import Domain
import FailPoints
import Messaging
import Persistence
import Postgres

/// Plans a mailing step by step, in its own queue, so that no one's ticket waits for it.
struct PlanMailing: Sendable {
    static let consumer = "notifications.mailings"

    let database: Database
    let mailings: MailingStore
    let inbox = InboxStore()
    /// People per step: a transaction of some ten milliseconds.
    var step = 500

    init(database: Database) {
        self.database = database
        mailings = MailingStore(database)
    }

    /// Handles `mailing.plan`: one step, which leaves the message for the next.
    func handle(_ message: CloudEvent) async throws {
        let asked = try message.payload(MailingData.self)
        try await database.transaction { transaction in
            guard try await inbox.record(message.id, consumer: Self.consumer, on: transaction) else { return }
            try await mailings.planStep(of: asked.mailingId, limit: step, on: transaction)
            FailPoint.point("mailing.planned")
        }
    }
}
