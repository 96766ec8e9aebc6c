public import Domain

/// Everything that somebody can want to do; each route names exactly one.
public enum Action: String, Sendable, CaseIterable {
    // Open to anybody
    case signUp, signIn, listEvents, viewPublishedEvent, listAnnouncements
    // One's own things
    case viewOwnAccount, editOwnAccount, manageAPIKeys, registerForEvent, viewRegistration, cancelRegistration,
        viewTicket,
        reissueTicket
    case transferTicket, acceptTransfer
    // Events
    case createEvent, viewDraftEvent, editEvent, publishEvent, cancelEvent, listOwnEvents
    case viewAttendees, addAttendee, removeAttendee, resendMail, viewStatistics, checkIn, postAnnouncement, viewMailings
    case undoCheckIn, viewConflicts, viewMembers, manageMembers, readMessages
    // What programs outside hear
    case createSubscription, subscribeToEverything, manageSubscription
    // The installation
    case listUsers, listAllEvents, grantRole, lockAccount, handOverEvent, verifyInvariants, viewSystem,
        manageDeadLetters, manageSending, viewAudit
}

/// How somebody stands to the thing that an action is about.
public struct Relation: Sendable, Hashable {
    /// Their role in the event's team, if any.
    public var membership: MembershipRole?
    /// It is about themselves: their registration, their ticket.
    public var isSubject: Bool

    public init(_ membership: MembershipRole?, isSubject: Bool = false) {
        self.membership = membership
        self.isSubject = isSubject
    }

    /// Runs the event: may see and change everything about it.
    var organizes: Bool { membership == .owner || membership == .coOrganizer }

    /// An owner who is no organizer any more has no say in what they own.
    func inForce(for role: Role) -> Relation {
        membership == .owner && role == .user ? Relation(nil, isSubject: isSubject) : self
    }

    var worksAtGate: Bool { organizes || membership == .checkInStaff }
}

public enum Decision: Sendable, Hashable {
    case allowed
    /// Nobody is signed in: 401.
    case notAuthenticated
    /// 403: the thing's existence is no secret.
    case forbidden
    /// 404: whoever may not see it shall not learn that it exists.
    case hidden
}

/// The one place that decides who may do what: role × action × membership.
public enum Policy {
    /// - Parameters:
    ///   - role: nil when nobody is signed in.
    ///   - membership: the person's role in the event that the action is about, if any.
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
            // Staff at the gate check tickets; they don't read people's registrations.
            return relation.isSubject || relation.organizes || role == .admin ? .allowed : .hidden
        case .cancelRegistration, .transferTicket:
            // Only one's own: removing somebody else is another action with its own message to them.
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
            // The check-in is found by its own id: strangers don't learn whether there is one.
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
