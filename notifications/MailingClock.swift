import Domain
import FoundationEssentials
import Logging
import Persistence
import Postgres
import ServiceLifecycle

/// The scheduler of mailings: starts what is due, requeues emails due for a retry, and marks finished mailings; once a
/// second, in whichever process comes first.
struct MailingClock: Service, CustomStringConvertible {
    let database: Database
    let announcements: AnnouncementStore
    let mailings: MailingStore
    let reminders: ReminderStore
    let notifications: NotificationStore
    let logger: Logger
    var clock: @Sendable () -> Date = { Date() }

    private static let interval = Duration.seconds(1)
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

    var description: String { "MailingClock" }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var isFailing = false
            var ticks = 0
            while true {
                do {
                    try await tick(remindingToo: ticks.isMultiple(of: Self.ticksToReminders))
                    isFailing = false
                    ticks += 1
                } catch {
                    if Task.isCancelled { return }
                    if !isFailing { logger.warning("mailings not planned yet", metadata: ["error": "\(error)"]) }
                    isFailing = true
                }
                do { try await Task.sleep(for: Self.interval) } catch { return }
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
