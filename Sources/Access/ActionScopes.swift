public import Domain

extension Action {
    /// The scope in which an API key may do this, if its person may; nil where no key may, whatever its scopes.
    ///
    /// Accounts, teams, keys themselves and the installation are for people who signed in: a key that leaks must not be
    /// able to make itself last, nor anybody else powerful.
    public var scope: APIScope? {
        switch self {
        case .listEvents, .viewPublishedEvent, .viewDraftEvent, .listOwnEvents, .listAllEvents, .listAnnouncements,
            .viewStatistics, .viewMailings:
            .eventsRead
        case .createEvent, .editEvent, .publishEvent, .cancelEvent:
            .eventsWrite
        case .viewAttendees, .viewRegistration, .viewTicket:
            .registrationsRead
        case .registerForEvent, .cancelRegistration, .addAttendee, .removeAttendee, .reissueTicket, .resendMail:
            .registrationsWrite
        case .checkIn, .undoCheckIn, .viewConflicts:
            .checkInsWrite
        case .postAnnouncement:
            .announcementsWrite
        case .readMessages:
            .messagesRead
        case .createSubscription, .subscribeToEverything, .manageSubscription:
            .subscriptionsWrite
        case .signUp, .signIn, .viewOwnAccount, .editOwnAccount, .transferTicket, .acceptTransfer, .viewMembers,
            .manageMembers, .manageAPIKeys, .listUsers, .grantRole, .lockAccount, .handOverEvent, .verifyInvariants,
            .viewSystem,
            .manageDeadLetters, .manageSending, .viewAudit:
            nil
        }
    }
}
