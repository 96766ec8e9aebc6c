public import Domain

extension Action {
    /// The scope in which an API key can perform this, if its owner can; nil if no key can, whatever its scopes.
    ///
    /// Accounts, teams, keys and the installation are for signed-in people only: a leaked key must not be able to
    /// extend its own life, or anyone's rights.
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
