import Bootstrap
import Domain
import FoundationEssentials
import Logging
import Persistence
import Postgres

/// The scheduler of mailings: starts what is due, requeues emails due for a retry, and marks finished mailings; once a
/// second, in whichever process comes first.
struct MailingClock {
    let database: Database
    let announcements: AnnouncementStore
    let mailings: MailingStore
    let reminders: ReminderStore
    let notifications: NotificationStore
    let logger: Logger
    var clock: @Sendable () -> Date = { Date() }

    /// Reminders scan all upcoming events, so not on every tick.
    private static let ticksToReminders = 10
    /// Maximum emails requeued per tick: after an hour without a mail server there are thousands.
    private static let mailsATick = 500

    init(database: Database, logger: Logger) {
        self.database = database
        announcements = AnnouncementStore(database)
        mailings = MailingStore(database)
        reminders = ReminderStore(database)
        notifications = NotificationStore(database)
        self.logger = logger
    }

    private struct Progress {
        var isFailing = false
        var ticks = 0
    }

    var service: PeriodicService {
        PeriodicService("MailingClock", every: .seconds(1), atOnce: true, from: Progress()) { progress in
            do {
                try await tick(remindingToo: progress.ticks.isMultiple(of: Self.ticksToReminders))
                progress.isFailing = false
                progress.ticks += 1
            } catch {
                if Task.isCancelled { return }
                if !progress.isFailing { logger.warning("mailings not planned yet", metadata: ["error": "\(error)"]) }
                progress.isFailing = true
            }
        }
    }

    /// Does what is due by now.
    func tick(remindingToo: Bool = true) async throws {
        let now = clock()
        try await database.transaction { transaction in
            guard try await mailings.takeClock(on: transaction) else { return }
            try await announcements.postDue(now: now, on: transaction)
            if remindingToo { _ = try await reminders.beginDue(now: now, on: transaction) }
            _ = try await mailings.close(now: now, on: transaction)
            _ = try await notifications.askForDue(now: now, limit: Self.mailsATick, on: transaction)
        }
    }
}
