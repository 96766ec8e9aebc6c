/// Why somebody is written to.
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
    /// To the new address, with the link that confirms it.
    case accountConfirmEmail = "account.confirmEmail"
    /// To the old address: somebody wants the account to have another.
    case accountEmailChanging = "account.emailChanging"
    /// A subscription of theirs gets no more deliveries.
    case subscriptionPaused = "subscription.paused"

    /// What the person may want or not; nil for mails about their account, which always go.
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

    /// About something that was done to the account: told however often it is done.
    public var isAlwaysTold: Bool { self == .accountPasswordChanged || self == .accountEmailChanging }

    /// Goes to everybody at an event at once: such mails have a queue and connections of their own.
    public var isBulk: Bool {
        switch self {
        case .eventUpdated, .eventCancelled, .eventReminder, .announcement: true
        default: false
        }
    }
}

/// What people choose about: which news they want, and how.
public enum NotificationTopic: String, Codable, Sendable, CaseIterable {
    /// Their places, places in line and tickets, and the teams that they are in.
    case registrations
    /// What an event they registered for is now, or that it is off.
    case eventChanges
    case announcements, reminders

    /// Whether its mails go to everybody who is registered: they are part of what was agreed with the registration.
    public var isMailedAlways: Bool { self == .registrations || self == .eventChanges }
}

public enum NotificationStatus: String, Codable, Sendable, CaseIterable {
    case queued, retrying, sent, failed
    /// The person does not want such mails.
    case muted
}

/// Which of the people at an event something is for.
public enum Audience: String, Codable, Sendable, CaseIterable {
    /// Everybody who has a place or stands in line.
    case all
    case confirmed, waitlisted, checkedIn
}
