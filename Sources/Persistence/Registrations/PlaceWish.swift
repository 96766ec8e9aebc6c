public import Domain

/// Somebody's wish for a place, or to give one back.
public struct PlaceWish: Sendable {
    public enum Kind: Sendable, Hashable {
        /// A place, or a place in line, for this person.
        case take(UserID)
        /// The registration shall end.
        case leave(reason: String?)
    }

    public var kind: Kind
    public var eventID: EventID
    /// The registration to end, or the one to be made: chosen in advance, so that a wish that has to be tried again,
    /// because nobody knows whether the first try was committed, finds its own.
    public var registrationID: RegistrationID
    /// The organizer who asks for somebody else; it is written down.
    public var organizer: UserID?
    /// Of the request that the wish came with.
    public var trace: TraceContext?
    /// The client's own name for the request; its answer is kept with the effect.
    public var idempotency: Idempotency?

    public struct Idempotency: Sendable {
        public var request: IdempotentRequest
        /// Makes the answer to keep, inside the transaction.
        public var respond: @Sendable (Registration) throws -> StoredResponse

        public init(
            _ request: IdempotentRequest, respond: @escaping @Sendable (Registration) throws -> StoredResponse
        ) {
            self.request = request
            self.respond = respond
        }
    }

    public static func place(
        in event: EventID, for user: UserID, by organizer: UserID? = nil, idempotency: Idempotency? = nil
    ) -> PlaceWish {
        PlaceWish(
            kind: .take(user), eventID: event, registrationID: RegistrationID(), organizer: organizer,
            trace: .current, idempotency: idempotency)
    }

    /// - Parameter event: the registration's event, which never changes.
    public static func leave(
        _ registration: RegistrationID, of event: EventID, by organizer: UserID? = nil, reason: String? = nil
    ) -> PlaceWish {
        PlaceWish(
            kind: .leave(reason: reason), eventID: event, registrationID: registration, organizer: organizer,
            trace: .current)
    }

    // Not inlined: Swift 6.3.1's optimizer fails on it in release builds ("CopyPropagation", an ownership error).
    @inline(never)
    var user: UserID? {
        if case .take(let user) = kind { user } else { nil }
    }

    var isLeaving: Bool { user == nil }
}

/// What became of a wish. Others in the same transaction are not touched by one that was refused.
public enum PlaceAnswer: Sendable {
    /// Done, with the registration as the transaction leaves it; its ticket only when it was given back.
    case done(Registration, ticket: Ticket?)
    /// Done by an earlier request of the same name, with that one's answer.
    case replayed(Answered)
    case refused(DomainError)
    /// The event's row is locked by somebody else: nothing was done; wait for it.
    case busy
}
