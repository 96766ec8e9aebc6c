public import Domain
public import FoundationEssentials
public import Postgres

extension NotificationStore {
    /// Maximum emails to one person about one event's team within a day, however often they are added and removed.
    public static let teamMailsADay = 5

    /// Plans an email about a person's role in an event's team, with the job that sends it.
    public func planTeamMail(
        to user: UserID, about event: EventID, now: Date, on transaction: Transaction
    ) async throws {
        let recent =
            try await transaction.query(
                """
                SELECT count(*) AS count FROM notifications
                WHERE user_id = \(user) AND event_id = \(event) AND kind = \(NotificationKind.memberAdded)
                    AND created_at > \(now.addingTimeInterval(-86_400))
                """
            ).first?.decode("count", as: Int.self) ?? 0
        guard recent < Self.teamMailsADay else { return }
        let mail = PlannedNotification(
            userID: user, eventID: event, registrationID: nil, ticketID: nil, kind: .memberAdded)
        try await plan([mail], cause: MessageID(), on: transaction)
    }
}
