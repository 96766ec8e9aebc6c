public import Domain

/// The actions of the policy; each route names exactly one.
public enum Action: String, Sendable, CaseIterable {
    // Public
    case signUp, signIn, listEvents, viewPublishedEvent, listAnnouncements
    // One's own account
    case viewOwnAccount, editOwnAccount, manageAPIKeys, registerForEvent, viewRegistration, cancelRegistration,
        viewTicket,
        reissueTicket
    case transferTicket, acceptTransfer
    // Events
    case createEvent, viewDraftEvent, editEvent, publishEvent, cancelEvent, listOwnEvents
    case viewAttendees, addAttendee, removeAttendee, resendMail, viewStatistics, checkIn, postAnnouncement, viewMailings
    case undoCheckIn, viewConflicts, viewMembers, manageMembers, readMessages
    // Integrations
    case createSubscription, subscribeToEverything, manageSubscription
    // The installation
    case listUsers, listAllEvents, grantRole, lockAccount, handOverEvent, verifyInvariants, viewSystem,
        manageDeadLetters, manageSending, viewAudit
}

/// A person's relation to the resource of an action.
public struct Relation: Sendable, Hashable {
    /// Their role in the event's team, if any.
    public var membership: MembershipRole?
    /// The resource is their own: their registration, their ticket.
    public var isSubject: Bool

    public init(_ membership: MembershipRole?, isSubject: Bool = false) {
        self.membership = membership
        self.isSubject = isSubject
    }

    /// Whether they run the event: can see and change everything about it.
    var organizes: Bool { membership == .owner || membership == .coOrganizer }

    /// The relation under a role: an owner who is no longer an organizer has no rights to what they own.
    func inForce(for role: Role) -> Relation {
        membership == .owner && role == .user ? Relation(nil, isSubject: isSubject) : self
    }

    var worksAtGate: Bool { organizes || membership == .checkInStaff }
}

public enum Decision: Sendable, Hashable {
    case allowed
    /// No one is signed in: 401.
    case notAuthenticated
    /// 403: the resource's existence is no secret.
    case forbidden
    /// 404: someone who isn't allowed to see the resource must not learn that it exists.
    case hidden
}

/// The one place that decides who can do what: role × action × membership.
public enum Policy {
    /// - Parameters:
    ///   - role: nil if no one is signed in.
    ///   - membership: the person's role in the event, if any.
    public static func decide(_ action: Action, role: Role?, membership: MembershipRole?) -> Decision {
        decide(action, role: role, relation: Relation(membership))
    }

    public static func decide(_ action: Action, role: Role?, relation: Relation = Relation(nil)) -> Decision {
        switch action {
        case .signUp, .signIn, .listEvents, .viewPublishedEvent, .listAnnouncements:
            return .allowed
        default: break
        }
        guard let role else { return action == .viewDraftEvent ? .hidden : .notAuthenticated }
        return decideSignedIn(action, role: role, relation: relation)
    }

    private static func decideSignedIn(_ action: Action, role: Role, relation: Relation) -> Decision {
        let relation = relation.inForce(for: role)
        switch action {
        case .signUp, .signIn, .listEvents, .viewPublishedEvent, .listAnnouncements, .viewOwnAccount,
            .editOwnAccount, .manageAPIKeys, .registerForEvent, .listOwnEvents, .acceptTransfer:
            return .allowed
        case .viewRegistration, .viewTicket, .reissueTicket:
            // Check-in staff check tickets; they can't read registrations.
            return relation.isSubject || relation.organizes || role == .admin ? .allowed : .hidden
        case .cancelRegistration, .transferTicket:
            // Only one's own: removing someone else is another action with its own message to them.
            return relation.isSubject ? .allowed : relation.organizes || role == .admin ? .forbidden : .hidden
        case .manageSubscription:
            return relation.isSubject ? .allowed : .hidden
        case .createEvent, .createSubscription:
            return role == .user ? .forbidden : .allowed
        case .viewDraftEvent:
            return relation.worksAtGate || role == .admin ? .allowed : .hidden
        case .editEvent, .publishEvent, .cancelEvent, .viewAttendees, .addAttendee, .removeAttendee, .resendMail,
            .viewStatistics, .postAnnouncement, .viewMailings, .viewConflicts, .viewMembers, .manageMembers,
            .readMessages:
            return relation.organizes || role == .admin ? .allowed : .forbidden
        case .undoCheckIn:
            // The check-in is found by its own id: strangers don't learn whether it exists.
            return relation.organizes || role == .admin ? .allowed : relation.worksAtGate ? .forbidden : .hidden
        case .checkIn:
            return relation.worksAtGate || role == .admin ? .allowed : .forbidden
        case .listUsers, .listAllEvents, .grantRole, .lockAccount, .handOverEvent, .verifyInvariants, .viewSystem,
            .manageDeadLetters, .manageSending,
            .viewAudit, .subscribeToEverything:
            return role == .admin ? .allowed : .forbidden
        }
    }
}
