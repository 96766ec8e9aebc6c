/// A refusal by a business rule. Each has a stable slug: the `type` of the problem that clients get.
public enum DomainError: Error, Hashable, Sendable {
    case validationFailed([FieldError])
    case notFound
    case forbidden
    case notAuthenticated
    case invalidCredentials
    /// An admin has locked the account.
    case accountLocked
    /// The sign-in is too old for this action: the person has to reauthenticate.
    case reauthenticationRequired
    case emailTaken
    case emailNotVerified
    case linkInvalid
    case full
    case registrationNotOpen
    case registrationClosed
    case alreadyRegistered
    case alreadyCancelled
    /// An announcement that was sent can't be canceled.
    case alreadyPosted
    case eventNotPublished
    case eventCancelled
    case eventEnded
    case capacityBelowConfirmed(confirmed: Int)
    case versionMismatch
    case lastAdmin
    /// The account of an organizer with upcoming events can't be deleted.
    case eventsAhead
    /// The owner of an event can't leave its team or change roles in it.
    case ownerStays
    /// The scan admitted no one, so that there is nothing to undo.
    case notCheckedIn
    /// The person has been checked in and keeps the spot and the ticket.
    case alreadyCheckedIn
    /// A sender offers tickets to too many addresses.
    case tooManyTransfers
    /// A subscription that is paused or disabled gets no deliveries, replays included.
    case subscriptionNotActive
    case limitReached
    /// The request with this Idempotency-Key is still in progress.
    case requestInFlight
    /// The Idempotency-Key belongs to another request.
    case idempotencyKeyReused

    /// Permanently stable; clients decide by it.
    public var slug: String {
        switch self {
        case .validationFailed: "validation-failed"
        case .notFound: "not-found"
        case .forbidden: "forbidden"
        case .notAuthenticated: "not-authenticated"
        case .invalidCredentials: "invalid-credentials"
        case .accountLocked: "account-locked"
        case .reauthenticationRequired: "reauthentication-required"
        case .emailTaken: "email-taken"
        case .emailNotVerified: "email-not-verified"
        case .linkInvalid: "link-invalid"
        case .full: "full"
        case .registrationNotOpen: "registration-not-open"
        case .registrationClosed: "registration-closed"
        case .alreadyRegistered: "already-registered"
        case .alreadyCancelled: "already-cancelled"
        case .alreadyPosted: "already-posted"
        case .eventNotPublished: "event-not-published"
        case .eventCancelled: "event-cancelled"
        case .eventEnded: "event-ended"
        case .capacityBelowConfirmed: "capacity-below-confirmed"
        case .versionMismatch: "version-mismatch"
        case .lastAdmin: "last-admin"
        case .eventsAhead: "events-ahead"
        case .ownerStays: "owner-stays"
        case .notCheckedIn: "not-checked-in"
        case .alreadyCheckedIn: "already-checked-in"
        case .tooManyTransfers: "too-many-transfers"
        case .subscriptionNotActive: "subscription-not-active"
        case .limitReached: "limit-reached"
        case .requestInFlight: "request-in-flight"
        case .idempotencyKeyReused: "idempotency-key-reused"
        }
    }

    /// A sentence for people.
    public var title: String {
        switch self {
        case .validationFailed: "Some fields need another look."
        case .notFound: "There is nothing here, or it is not yours to see."
        case .forbidden: "You are not allowed to do this."
        case .notAuthenticated: "Please sign in."
        case .invalidCredentials: "The address or the password is wrong."
        case .accountLocked: "This account is locked. An administrator can unlock it."
        case .reauthenticationRequired: "Enter your password again to do this."
        case .emailTaken: "There is an account with this address already."
        case .emailNotVerified: "Confirm your address first, with the link in the mail that you got."
        case .linkInvalid: "This link is not valid, was used already or is too old. Ask for a new one."
        case .full: "All places are taken."
        case .registrationNotOpen: "Registration has not opened yet."
        case .registrationClosed: "Registration is closed."
        case .alreadyRegistered: "You are registered for this event already."
        case .alreadyCancelled: "This is cancelled already."
        case .alreadyPosted: "This has been told already."
        case .eventNotPublished: "This event is not published."
        case .eventCancelled: "This event was cancelled."
        case .eventEnded: "This event is over."
        case .capacityBelowConfirmed(let confirmed):
            "The capacity can't go below the \(confirmed) places that are taken."
        case .versionMismatch: "Somebody changed this in the meantime. Load it again and repeat your change."
        case .lastAdmin: "One administrator has to stay, and nobody locks their own account."
        case .eventsAhead: "People are expected at events of yours. Cancel those first, or wait until they are over."
        case .ownerStays: "The owner of an event stays its owner."
        case .notCheckedIn: "This scan let nobody in: there is nothing to take back."
        case .alreadyCheckedIn: "This ticket was checked in. Only an organizer can take it back now."
        case .tooManyTransfers: "You have offered many tickets today. Try again tomorrow."
        case .subscriptionNotActive: "This subscription is not active. Activate it first."
        case .limitReached: "You have as many of these as one person may have. Remove one first."
        case .requestInFlight: "This very request is being worked on. Ask again in a moment."
        case .idempotencyKeyReused: "This Idempotency-Key was used for another request. Choose a new one."
        }
    }
}
