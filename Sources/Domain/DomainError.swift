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
        case .validationFailed: "Some fields are invalid."
        case .notFound: "Not found, or you don't have access."
        case .forbidden: "You don't have permission to do this."
        case .notAuthenticated: "Please sign in."
        case .invalidCredentials: "Incorrect email or password."
        case .accountLocked: "This account is locked. Contact an administrator."
        case .reauthenticationRequired: "Enter your password again to continue."
        case .emailTaken: "An account with this email already exists."
        case .emailNotVerified: "Confirm your email address first, using the link we sent you."
        case .linkInvalid: "This link is invalid, expired or already used. Request a new one."
        case .full: "This event is full."
        case .registrationNotOpen: "Registration hasn't opened yet."
        case .registrationClosed: "Registration is closed."
        case .alreadyRegistered: "You are already registered for this event."
        case .alreadyCancelled: "This is already canceled."
        case .alreadyPosted: "This announcement was already posted."
        case .eventNotPublished: "This event isn't published."
        case .eventCancelled: "This event was canceled."
        case .eventEnded: "This event has ended."
        case .capacityBelowConfirmed(let confirmed):
            "Capacity can't be lower than the number of confirmed registrations (\(confirmed))."
        case .versionMismatch: "Someone else changed this in the meantime. Reload it and try again."
        case .lastAdmin: "There must be at least one administrator, and you can't lock your own account."
        case .eventsAhead: "You have upcoming events with attendees. Cancel them first, or wait until they are over."
        case .ownerStays: "The event's owner can't be removed from the team or given another role."
        case .notCheckedIn: "This scan didn't admit anyone, so there is nothing to undo."
        case .alreadyCheckedIn: "This ticket is already checked in. An organizer must undo the check-in first."
        case .tooManyTransfers: "You've transferred too many tickets today. Try again tomorrow."
        case .subscriptionNotActive: "This subscription isn't active. Activate it first."
        case .limitReached: "You've reached the limit. Remove one first."
        case .requestInFlight: "This request is already being processed. Try again in a moment."
        case .idempotencyKeyReused: "This Idempotency-Key was already used for a different request. Use a new one."
        }
    }
}
