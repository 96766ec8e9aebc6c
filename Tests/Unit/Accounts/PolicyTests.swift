import Access
import Domain
import Testing

@Suite("Policy")
struct PolicyTests {
    /// Who stands how to the thing in question.
    enum Person: String, CaseIterable {
        case nobody, stranger, organizerElsewhere, subject, owner, ownerAndSubject, coOrganizer, checkInStaff, admin

        var role: Role? {
            switch self {
            case .nobody: nil
            case .admin: .admin
            case .owner, .ownerAndSubject, .organizerElsewhere: .organizer
            case .stranger, .subject, .coOrganizer, .checkInStaff: .user
            }
        }

        var relation: Relation {
            switch self {
            case .nobody, .stranger, .organizerElsewhere, .admin: Relation(nil)
            case .subject: Relation(nil, isSubject: true)
            case .owner: Relation(.owner)
            case .ownerAndSubject: Relation(.owner, isSubject: true)
            case .coOrganizer: Relation(.coOrganizer)
            case .checkInStaff: Relation(.checkInStaff)
            }
        }
    }

    /// Who is allowed; what the others hear is checked apart.
    static let allowed: [Action: Set<Person>] = {
        let everybody = Set(Person.allCases)
        let signedIn = everybody.subtracting([.nobody])
        let organizing: Set<Person> = [.owner, .ownerAndSubject, .coOrganizer, .admin]
        return [
            .signUp: everybody, .signIn: everybody, .listEvents: everybody, .viewPublishedEvent: everybody,
            .listAnnouncements: everybody,
            .viewOwnAccount: signedIn, .editOwnAccount: signedIn, .manageAPIKeys: signedIn, .registerForEvent: signedIn,
            .listOwnEvents: signedIn,
            .viewRegistration: organizing.union([.subject]), .viewTicket: organizing.union([.subject]),
            .reissueTicket: organizing.union([.subject]),
            .cancelRegistration: [.subject, .ownerAndSubject], .transferTicket: [.subject, .ownerAndSubject],
            .acceptTransfer: signedIn,
            .createEvent: [.organizerElsewhere, .owner, .ownerAndSubject, .admin],
            .viewDraftEvent: organizing.union([.checkInStaff]),
            .editEvent: organizing, .publishEvent: organizing, .cancelEvent: organizing, .viewAttendees: organizing,
            .addAttendee: organizing, .removeAttendee: organizing,
            .viewStatistics: organizing, .postAnnouncement: organizing, .viewMailings: organizing,
            .undoCheckIn: organizing, .viewConflicts: organizing, .viewMembers: organizing,
            .manageMembers: organizing, .readMessages: organizing, .subscribeToEverything: [.admin],
            .manageSubscription: [.subject, .ownerAndSubject],
            .createSubscription: [.organizerElsewhere, .owner, .ownerAndSubject, .admin],
            .checkIn: organizing.union([.checkInStaff]),
            .listUsers: [.admin], .listAllEvents: [.admin], .grantRole: [.admin], .verifyInvariants: [.admin],
            .viewSystem: [.admin], .manageDeadLetters: [.admin], .manageSending: [.admin], .viewAudit: [.admin],
            .lockAccount: [.admin], .handOverEvent: [.admin],
            .resendMail: organizing,
        ]
    }()

    @Test("the table decides every action for every person", arguments: Action.allCases)
    func table(action: Action) throws {
        let allowed = try #require(Self.allowed[action], "an action without a row")
        for person in Person.allCases {
            let decision = Policy.decide(action, role: person.role, relation: person.relation)
            #expect((decision == .allowed) == allowed.contains(person), "\(action) by \(person)")
        }
    }

    @Test("nobody hears 401, but not about drafts: these are not there")
    func anonymous() {
        for action in Action.allCases {
            let decision = Policy.decide(action, role: nil)
            switch action {
            case .signUp, .signIn, .listEvents, .viewPublishedEvent, .listAnnouncements: #expect(decision == .allowed)
            case .viewDraftEvent: #expect(decision == .hidden)
            default: #expect(decision == .notAuthenticated)
            }
        }
    }

    @Test("other people's registrations, tickets and drafts are hidden from strangers, not forbidden")
    func hidden() {
        for action in [
            Action.viewRegistration, .viewTicket, .cancelRegistration, .viewDraftEvent, .undoCheckIn,
            .manageSubscription,
        ] {
            #expect(Policy.decide(action, role: .user) == .hidden)
            #expect(Policy.decide(action, role: .organizer) == .hidden)
        }
        #expect(Policy.decide(.editEvent, role: .organizer) == .forbidden)
        #expect(Policy.decide(.cancelRegistration, role: .organizer, membership: .owner) == .forbidden)
        // An owner who is no organizer any more is a stranger; a co-organizer never had to be one.
        #expect(Policy.decide(.editEvent, role: .user, membership: .owner) == .forbidden)
        #expect(Policy.decide(.viewDraftEvent, role: .user, membership: .owner) == .hidden)
        #expect(Policy.decide(.editEvent, role: .user, membership: .coOrganizer) == .allowed)
        #expect(Policy.decide(.undoCheckIn, role: .user, membership: .checkInStaff) == .forbidden)
    }
}
