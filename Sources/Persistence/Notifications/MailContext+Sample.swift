public import Domain
public import FoundationEssentials

extension MailContext {
    /// A sample context, as if someone with the default name had just registered.
    public init(sampleFor request: MailPreviewRequest, at event: Event, now: Date) throws {
        self = try Sample(request: request, event: event, now: now).context
    }
}

private struct Sample {
    let request: MailPreviewRequest
    let event: Event
    let now: Date

    private var name: String { request.language == .german ? "Erika Mustermann" : "Alex Example" }

    var context: MailContext {
        get throws {
            let (user, registration) = (UserID(), self.registration)
            let notification = Notification(
                id: NotificationID(), userID: user, eventID: event.id, eventTitle: event.details.title,
                registrationID: registration.id, kind: request.kind, channel: "email", status: .queued, attempts: 0,
                lastError: nil, nextAttemptAt: nil, createdAt: now, sentAt: nil)
            var matter = MailContext.EventMatter(event: event, registration: registration)
            matter.settings = EventMailSettings(paragraph: request.paragraph, colour: request.colour)
            matter.ticket = ticket(of: registration)
            matter.announcement = request.announcement
            switch request.kind {
            case .ticketTransferOffered: matter.transfer = transfer
            case .memberAdded: matter.role = .checkInStaff
            case .eventUpdated: matter.details = try WireJSON.encode(changes)
            default: break
            }
            return MailContext(
                notification: notification, recipientName: name, recipientEmail: "somebody@example.org",
                language: request.language, matter: .event(matter))
        }
    }

    private var registration: Registration {
        let isWaiting = request.kind == .registrationWaitlisted
        let isOver = request.kind == .registrationCancelled
        return Registration(
            id: RegistrationID(), eventID: event.id, userID: UserID(),
            status: isWaiting ? .waitlisted : isOver ? .cancelled : .confirmed, position: isWaiting ? 3 : nil,
            createdAt: now, confirmedAt: isWaiting ? nil : now, cancelledAt: isOver ? now : nil)
    }

    /// With a code that no gate accepts as a ticket's.
    private func ticket(of registration: Registration) -> Ticket {
        Ticket(
            id: TicketID(), eventID: event.id, registrationID: registration.id, userID: registration.userID,
            code: "0000-0000-0000", qrText: "EM-CONNECT PREVIEW " + String(repeating: "0", count: 160), status: .valid,
            issuedAt: now, revokedAt: nil, checkedInAt: nil)
    }

    private var transfer: TicketTransfer {
        TicketTransfer(
            id: TransferID(), ticketID: TicketID(), registrationID: RegistrationID(), eventID: event.id,
            fromUserID: UserID(), toUserID: nil, fromName: name, recipientEmail: "somebody@example.org",
            status: .offered, createdAt: now, expiresAt: now.addingTimeInterval(TransferStore.lifetime))
    }

    /// One hour later, at another venue.
    private var changes: [EventData.Change] {
        let starts = event.details.startsAt
        return [
            EventData.Change(
                field: "startsAt", before: Timestamp.text(starts.addingTimeInterval(-3600)),
                after: Timestamp.text(starts))
        ]
    }
}
