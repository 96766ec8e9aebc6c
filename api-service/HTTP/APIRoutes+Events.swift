import Access
import Bootstrap

extension APIRoutes {
    /// Events and their teams.
    var eventRoutes: [Route] {
        let events = EventRoutes(
            stores: stores, authorization: authorization, createEvent: CreateEvent(stores: stores),
            editEvent: EditEvent(stores: stores, clock: clock),
            publishEvent: PublishEvent(stores: stores, clock: clock),
            cancelEvent: CancelEvent(stores: stores, clock: clock), clock: clock)
        let heads = EventHeadRoutes(stores: stores, publicURL: settings.common.publicURL)
        let members = MemberRoutes(
            stores: stores, authorization: authorization, manageMembers: ManageMembers(stores: stores, clock: clock),
            mailGuard: mailGuard, clients: clients)
        return [
            .get("/api/v1/events", .optional, events.list, .listEvents),
            .post("/api/v1/events", .required, events.create, .createEvent).taking(Route.longBodyLimit),
            .get("/api/v1/events/{id}", .optional, events.show, .viewPublishedEvent),
            .get("/api/v1/events/{id}.html", .optional, heads.show, .viewPublishedEvent),
            .patch("/api/v1/events/{id}", .required, events.edit, .editEvent).taking(Route.longBodyLimit),
            .post("/api/v1/events/{id}/publish", .required, events.publish, .publishEvent),
            .post("/api/v1/events/{id}/cancel", .required, events.cancel, .cancelEvent),

            .get("/api/v1/events/{id}/members", .required, members.list),
            .post("/api/v1/events/{id}/members", .required, members.add),
            .delete("/api/v1/events/{id}/members/{userId}", .required, members.remove),
        ]
    }

    /// Registrations and their notifications.
    var registrationRoutes: [Route] {
        let registrations = RegistrationRoutes(
            stores: stores, authorization: authorization, verifiedEmail: verifiedEmail, batcher: batcher,
            clock: clock)
        let deliveries = DeliveryRoutes(
            stores: stores, authorization: authorization, resendMail: ResendMail(stores: stores),
            watch: machinery?.mails,
            clock: clock)
        return [
            .post("/api/v1/events/{id}/registrations", .required, registrations.register, .registerForEvent),
            .get("/api/v1/events/{id}/registrations", .required, registrations.attendees, .viewAttendees),
            .post("/api/v1/events/{id}/registrations/add", .required, registrations.add, .addAttendee),
            .delete(
                "/api/v1/events/{id}/registrations/{registrationId}", .required, registrations.remove, .removeAttendee),
            .get("/api/v1/events/{id}/registrations.csv", .required, registrations.attendeesCSV, .viewAttendees),
            .get("/api/v1/registrations/{id}", .required, registrations.show, .viewRegistration),
            .get("/api/v1/registrations/{id}/notifications", .required, deliveries.list, .viewRegistration),
            .get("/api/v1/registrations/{id}/timeline", .required, deliveries.timeline, .viewRegistration),
            .post("/api/v1/registrations/{id}/resend", .required, deliveries.resend, .resendMail),
            .delete("/api/v1/registrations/{id}", .required, registrations.cancel, .cancelRegistration),
        ]
    }

    /// Tickets and check-in.
    var ticketRoutes: [Route] {
        let tickets = TicketRoutes(
            stores: stores, authorization: authorization, printer: printer,
            reissueTicket: ReissueTicket(stores: stores, clock: clock), publicURL: settings.common.publicURL,
            clock: clock)
        let transfers = TransferRoutes(
            stores: stores, authorization: authorization,
            transferTicket: TransferTicket(stores: stores, clock: clock), mailGuard: mailGuard, clients: clients)
        let checkIns = CheckInRoutes(
            authorization: authorization, checkIn: CheckIn(stores: stores, keyring: keyring), clock: clock)
        let gate = GateRoutes(
            stores: stores, authorization: authorization,
            mergeScans: MergeScans(stores: stores, keyring: keyring, clock: clock),
            undoCheckIn: UndoCheckIn(stores: stores, clock: clock), keyring: keyring,
            keys: issuer.keys, clock: clock)
        return [
            .get("/api/v1/tickets/{id}", .required, tickets.show, .viewTicket),
            .get("/api/v1/tickets/{id}.svg", .required, tickets.svg, .viewTicket),
            .get("/api/v1/tickets/{id}.png", .required, tickets.png, .viewTicket),
            .get("/api/v1/tickets/{id}.pdf", .required, tickets.pdf, .viewTicket),
            .get("/api/v1/tickets/{id}.ics", .required, tickets.calendar, .viewTicket),
            .post("/api/v1/tickets/{id}/reissue", .required, tickets.reissue, .reissueTicket),
            .post("/api/v1/tickets/{id}/transfer", .required, transfers.offer),
            .delete("/api/v1/tickets/{id}/transfer", .required, transfers.withdraw),
            .post("/api/v1/ticket-transfers/accept", .required, transfers.accept),

            .get("/api/v1/events/{id}/check-in-manifest", .required, gate.manifest, .checkIn),
            .get("/api/v1/events/{id}/check-ins", .required, gate.list, .checkIn),
            .post("/api/v1/events/{id}/check-ins", .required, checkIns.scan, .checkIn),
            .post("/api/v1/events/{id}/check-ins/batch", .required, gate.merge, .checkIn)
                .taking(Route.longBodyLimit),
            .get("/api/v1/events/{id}/check-ins/conflicts", .required, gate.conflicts, .viewConflicts),
            .post("/api/v1/check-ins/{id}/undo", .required, gate.undo, .undoCheckIn),
        ]
    }

    /// Email to an event's people.
    var mailRoutes: [Route] {
        let announcements = AnnouncementRoutes(
            stores: stores, authorization: authorization,
            postAnnouncement: PostAnnouncement(stores: stores, clock: clock),
            cancelAnnouncement: CancelAnnouncement(stores: stores), clock: clock)
        let mailSettings = MailSettingsRoutes(
            stores: stores, authorization: authorization, editMailSettings: EditMailSettings(stores: stores))
        let mailPreviews = MailPreviewRoutes(
            stores: stores, authorization: authorization, previewMail: PreviewMail(stores: stores, clock: clock),
            clock: clock)
        let mailings = MailingRoutes(stores: stores, authorization: authorization)
        let deliveries = DeliveryRoutes(
            stores: stores, authorization: authorization, resendMail: ResendMail(stores: stores),
            watch: machinery?.mails,
            clock: clock)
        let statistics = StatisticsRoutes(stores: stores, authorization: authorization)
        return [
            .get("/api/v1/events/{id}/announcements", .optional, announcements.list, .listAnnouncements),
            .post("/api/v1/events/{id}/announcements", .required, announcements.post, .postAnnouncement)
                .taking(Route.longBodyLimit),
            .post("/api/v1/events/{id}/announcements/preview", .required, announcements.preview, .postAnnouncement)
                .taking(Route.longBodyLimit),
            .delete(
                "/api/v1/events/{id}/announcements/{announcementId}", .required, announcements.cancel, .postAnnouncement
            ),
            .get("/api/v1/events/{id}/mail-settings", .required, mailSettings.show, .viewMailings),
            .put("/api/v1/events/{id}/mail-settings", .required, mailSettings.replace, .editEvent).taking(64 * 1024),
            .post("/api/v1/events/{id}/mail-previews", .required, mailPreviews.create, .viewMailings)
                .taking(Route.longBodyLimit),
            .get("/api/v1/mail-previews/{id}.html", .ignored, mailPreviews.show),
            .get("/api/v1/events/{id}/delivery", .required, deliveries.delivery, .viewMailings),
            .get("/api/v1/events/{id}/mailings", .required, mailings.list, .viewMailings),
            .get("/api/v1/events/{id}/mailings/{mailingId}", .required, mailings.show, .viewMailings),
            .get("/api/v1/events/{id}/stats", .required, statistics.show, .viewStatistics),
        ]
    }
}
