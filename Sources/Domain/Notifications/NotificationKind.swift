public enum NotificationKind: String, Codable, Sendable, CaseIterable {
    case registrationConfirmed = "registration.confirmed"
    case registrationWaitlisted = "registration.waitlisted"
    case registrationPromoted = "registration.promoted"
    case registrationCancelled = "registration.cancelled"
    case ticketTransferOffered = "ticket.transferOffered"
    case ticketTransferred = "ticket.transferred"
    case memberAdded = "member.added"
    case eventUpdated = "event.updated"
    case eventCancelled = "event.cancelled"
    case eventReminder = "event.reminder"
    case announcement
    case accountVerifyEmail = "account.verifyEmail"
    case accountAlreadyRegistered = "account.alreadyRegistered"
    case accountResetPassword = "account.resetPassword"
    case accountPasswordChanged = "account.passwordChanged"
    /// To the new address, with the confirmation link.
    case accountConfirmEmail = "account.confirmEmail"
    /// To the old address: someone has requested a change of the account's email.
    case accountEmailChanging = "account.emailChanging"
    /// A subscription of theirs no longer gets deliveries.
    case subscriptionPaused = "subscription.paused"

    /// The preference topic; nil for account emails, which are always sent.
    public var topic: NotificationTopic? {
        switch self {
        case .registrationConfirmed, .registrationWaitlisted, .registrationPromoted, .registrationCancelled,
            .ticketTransferOffered, .ticketTransferred, .memberAdded:
            .registrations
        case .eventUpdated, .eventCancelled: .eventChanges
        case .eventReminder: .reminders
        case .announcement: .announcements
        case .accountVerifyEmail, .accountAlreadyRegistered, .accountResetPassword, .accountPasswordChanged,
            .accountConfirmEmail, .accountEmailChanging, .subscriptionPaused:
            nil
        }
    }

    /// About the person's account; all others are about an event.
    public var isAboutAccount: Bool { topic == nil }

    /// About a change to the account: sent every time it happens.
    public var isAlwaysTold: Bool { self == .accountPasswordChanged || self == .accountEmailChanging }

    /// Bulk email to an event's attendees: it has its own queue and connections.
    public var isBulk: Bool {
        switch self {
        case .eventUpdated, .eventCancelled, .eventReminder, .announcement: true
        default: false
        }
    }
}

/// A group of notifications that people can turn on or off.
public enum NotificationTopic: String, Codable, Sendable, CaseIterable {
    /// Registrations, waitlist positions, tickets and team memberships.
    case registrations
    /// Changes and cancellations of events they registered for.
    case eventChanges
    case announcements, reminders

    /// Whether its emails are always sent to registered people: they are part of the registration.
    public var isMailedAlways: Bool { self == .registrations || self == .eventChanges }
}

public enum NotificationStatus: String, Codable, Sendable, CaseIterable {
    case queued, retrying, sent, failed
    /// The person has turned these emails off.
    case muted
}

/// Which of an event's people something is for.
public enum Audience: String, Codable, Sendable, CaseIterable {
    /// Everyone registered or on the waitlist.
    case all
    case confirmed, waitlisted, checkedIn
}
