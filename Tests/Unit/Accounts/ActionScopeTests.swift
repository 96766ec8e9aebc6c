import Access
import Domain
import Testing

@Suite("What API keys may do")
struct ActionScopeTests {
    @Test("no key may do what makes somebody powerful or lasting, nor touch an account")
    func never() {
        for action in [
            Action.manageAPIKeys, .editOwnAccount, .viewOwnAccount, .manageMembers, .grantRole, .manageSending,
            .manageDeadLetters, .viewAudit, .transferTicket,
        ] {
            #expect(action.scope == nil, "\(action)")
        }
    }

    @Test("what changes something takes no scope that only reads")
    func writing() {
        let reading: Set<APIScope> = [.eventsRead, .registrationsRead, .messagesRead]
        for action in [
            Action.createEvent, .editEvent, .publishEvent, .cancelEvent, .registerForEvent, .cancelRegistration,
            .addAttendee, .removeAttendee, .reissueTicket, .resendMail, .checkIn, .undoCheckIn, .postAnnouncement,
        ] {
            #expect(action.scope.map { !reading.contains($0) } == true, "\(action)")
        }
    }
}
