public import FoundationEssentials

/// The message types; the raw value is the CloudEvents `type` and the routing key.
public enum MessageType: String, Codable, Sendable, CaseIterable {
    case eventPublished = "em.event.published"
    case eventUpdated = "em.event.updated"
    case eventCancelled = "em.event.cancelled"
    case registrationConfirmed = "em.registration.confirmed"
    case registrationWaitlisted = "em.registration.waitlisted"
    case registrationPromoted = "em.registration.promoted"
    case registrationCancelled = "em.registration.cancelled"
    /// A confirmed registration was transferred to someone else.
    case registrationTransferred = "em.registration.transferred"
    case ticketIssued = "em.ticket.issued"
    case ticketRevoked = "em.ticket.revoked"
    case ticketCheckedIn = "em.ticket.checkedin"
    /// An organizer undid a check-in: the ticket is valid again.
    case ticketCheckInUndone = "em.ticket.checkinundone"
    case announcementPosted = "em.announcement.posted"
    case notificationFailed = "em.notification.failed"
}

/// Internal jobs: the raw value is the routing key on `em.work`, which no integrator can read.
public enum WorkType: String, Codable, Sendable, CaseIterable {
    case mailSend = "mail.send"
    /// The same for bulk email, which must not delay anyone's ticket.
    case bulkMailSend = "mail.send.bulk"
    /// The next step of a mailing is due for planning.
    case mailingPlan = "mailing.plan"
    /// An organizer requested an email preview.
    case mailPreview = "mail.preview"
    /// An account email was requested or is required.
    case accountMail = "account.mail"
    /// A registration whose ticket was revoked needs a new one.
    case ticketIssue = "ticket.issue"
}

/// Updates for browsers only, never published to the broker.
public enum LiveType: String, Codable, Sendable, CaseIterable {
    case notificationChanged = "live.notification"
    /// A mailing was scheduled, has started, was fully planned, or is done.
    case mailingChanged = "live.mailing"
    /// Someone has read notifications.
    case unreadChanged = "live.unread"
    /// A capacity change without a registration message, such as a new limit.
    case placesChanged = "live.places"
    /// A merge of offline scans changed the first scan of someone who was already checked in.
    case checkInsChanged = "live.checkIns"
}

/// The destination of an outbox row.
public enum Destination: String, Codable, Sendable {
    /// Facts, on the exchange `em.events`; with a `sequence`; also sent to browsers.
    case events
    /// Jobs, on the exchange `em.work`.
    case work
    /// Browsers only.
    case live
}

/// Data of `em.registration.*`.
public struct RegistrationData: Codable, Hashable, Sendable {
    public var eventId: EventID
    public var registrationId: RegistrationID
    public var userId: UserID
    public var status: RegistrationStatus
    public var position: Int?
    public var confirmed: Int
    public var waitlisted: Int
    public var capacity: Int
    public var revision: Int

    public init(
        eventId: EventID, registrationId: RegistrationID, userId: UserID, status: RegistrationStatus,
        position: Int? = nil, places: Places
    ) {
        self.eventId = eventId
        self.registrationId = registrationId
        self.userId = userId
        self.status = status
        self.position = position
        self.confirmed = places.confirmed
        self.waitlisted = places.waitlisted
        self.capacity = places.capacity
        self.revision = places.revision
    }

    public var places: Places {
        Places(revision: revision, confirmed: confirmed, waitlisted: waitlisted, capacity: capacity)
    }
}

/// Data of `live.places`.
public struct PlacesData: Codable, Hashable, Sendable {
    public var eventId: EventID
    public var places: Places

    public init(eventId: EventID, places: Places) {
        self.eventId = eventId
        self.places = places
    }
}

/// Data of `em.event.*`.
public struct EventData: Codable, Hashable, Sendable {
    /// One field that an edit changed. Times are RFC 3339.
    public struct Change: Codable, Hashable, Sendable {
        public var field: String
        public var before: String?
        public var after: String?

        public init(field: String, before: String?, after: String?) {
            self.field = field
            self.before = before
            self.after = after
        }
    }

    public var eventId: EventID
    public var version: Int
    public var status: EventStatus
    public var changes: [Change]?

    public init(eventId: EventID, version: Int, status: EventStatus, changes: [Change]? = nil) {
        self.eventId = eventId
        self.version = version
        self.status = status
        self.changes = changes
    }
}

/// Data of `em.ticket.*`.
public struct TicketData: Codable, Hashable, Sendable {
    public var eventId: EventID
    public var ticketId: TicketID
    public var registrationId: RegistrationID
    public var userId: UserID
    /// Only of `em.ticket.checkedin` and `em.ticket.checkinundone`.
    public var checkInId: CheckInID?
    public var gate: String?
    public var at: Date?

    public init(
        eventId: EventID, ticketId: TicketID, registrationId: RegistrationID, userId: UserID,
        checkInId: CheckInID? = nil, gate: String? = nil, at: Date? = nil
    ) {
        self.eventId = eventId
        self.ticketId = ticketId
        self.registrationId = registrationId
        self.userId = userId
        self.checkInId = checkInId
        self.gate = gate
        self.at = at
    }
}

/// Data of `em.registration.transferred`.
public struct TransferData: Codable, Hashable, Sendable {
    public var eventId: EventID
    public var registrationId: RegistrationID
    /// The previous holder's ticket, now revoked.
    public var ticketId: TicketID
    /// The new holder.
    public var userId: UserID
    public var fromUserId: UserID

    public init(
        eventId: EventID, registrationId: RegistrationID, ticketId: TicketID, userId: UserID, fromUserId: UserID
    ) {
        self.eventId = eventId
        self.registrationId = registrationId
        self.ticketId = ticketId
        self.userId = userId
        self.fromUserId = fromUserId
    }
}

/// Data of `ticket.issue`; messages about confirmed registrations decode as it, too.
public struct TicketRequestData: Codable, Hashable, Sendable {
    public var eventId: EventID
    public var registrationId: RegistrationID

    public init(eventId: EventID, registrationId: RegistrationID) {
        self.eventId = eventId
        self.registrationId = registrationId
    }
}

/// Data of `em.announcement.posted`: the text is read where it is stored.
public struct AnnouncementData: Codable, Hashable, Sendable {
    public var eventId: EventID
    public var announcementId: AnnouncementID

    public init(eventId: EventID, announcementId: AnnouncementID) {
        self.eventId = eventId
        self.announcementId = announcementId
    }
}

/// Data of `mail.send`, `mail.send.bulk`, `live.notification` and `em.notification.failed`.
public struct NotificationData: Codable, Hashable, Sendable {
    public var notificationId: NotificationID
    public var eventId: EventID?
    public var userId: UserID
    public var kind: NotificationKind
    public var status: NotificationStatus

    public init(
        notificationId: NotificationID, eventId: EventID?, userId: UserID, kind: NotificationKind,
        status: NotificationStatus
    ) {
        self.notificationId = notificationId
        self.eventId = eventId
        self.userId = userId
        self.kind = kind
        self.status = status
    }
}

/// Data of `mailing.plan` and `live.mailing`.
public struct MailingData: Codable, Hashable, Sendable {
    public var eventId: EventID
    public var mailingId: MailingID

    public init(eventId: EventID, mailingId: MailingID) {
        self.eventId = eventId
        self.mailingId = mailingId
    }
}

/// Data of `mail.preview`.
public struct MailPreviewData: Codable, Hashable, Sendable {
    public var previewId: MailPreviewID

    public init(previewId: MailPreviewID) { self.previewId = previewId }
}

/// Data of `live.unread`.
public struct UnreadData: Codable, Hashable, Sendable {
    public var userId: UserID
    public var unread: Int

    public init(userId: UserID, unread: Int) {
        self.userId = userId
        self.unread = unread
    }
}

/// Data of `account.mail`.
public struct AccountMailData: Codable, Hashable, Sendable {
    /// Possibly without a person: a request for an address without an account leaves the same trace as any other.
    public var userId: UserID
    public var kind: NotificationKind
    /// Whether sign-up caused the email: its link is then the sign-up's own. Nil for all others.
    public var isSignUp: Bool?

    public init(userId: UserID, kind: NotificationKind, isSignUp: Bool? = nil) {
        self.userId = userId
        self.kind = kind
        self.isSignUp = isSignUp
    }
}

/// The JSON of messages and rows: RFC 3339 times with milliseconds, keys in sorted order.
public enum WireJSON {
    public static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .custom { date, encoder in
            var container = encoder.singleValueContainer()
            try container.encode(Timestamp.text(date))
        }
        return try Array(encoder.encode(value))
    }

    public static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .custom { decoder in
            let container = try decoder.singleValueContainer()
            guard let date = Timestamp.parse(try container.decode(String.self)) else {
                throw DecodingError.dataCorruptedError(
                    in: container, debugDescription: "must be an RFC 3339 time such as 2026-05-01T18:00:00Z")
            }
            return date
        }
        return try decoder.decode(type, from: Data(bytes))
    }
}

/// RFC 3339 times: parsed with any offset and fraction, formatted in UTC with milliseconds.
public enum Timestamp {
    public static func text(_ date: Date) -> String {
        let milliseconds = Int((date.timeIntervalSince1970 * 1000).rounded())
        let (day, time) = milliseconds.flooredDivision(by: 86_400_000)
        let (year, month, dayOfMonth) = civilDate(daysSince1970: day)
        // Before the Gregorian reform, Foundation uses the Julian calendar.
        guard (1583...9999).contains(year) else { return date.formatted(.iso8601) }
        var text: [UInt8] = []
        text.reserveCapacity(24)
        func append(_ number: Int, digits: Int, _ separator: Unicode.Scalar) {
            var divisor = digits == 4 ? 1000 : digits == 3 ? 100 : 10
            while divisor > 0 {
                text.append(UInt8(0x30 + number / divisor % 10))
                divisor /= 10
            }
            text.append(UInt8(ascii: separator))
        }
        append(year, digits: 4, "-")
        append(month, digits: 2, "-")
        append(dayOfMonth, digits: 2, "T")
        append(time / 3_600_000, digits: 2, ":")
        append(time / 60_000 % 60, digits: 2, ":")
        append(time / 1000 % 60, digits: 2, ".")
        append(time % 1000, digits: 3, "Z")
        return String(decoding: text, as: UTF8.self)
    }

    /// In the Gregorian calendar. Years are counted from March, so that the leap day is the last of its year; 400 years
    /// have 146,097 days, and five months from March on have 153.
    private static func civilDate(daysSince1970 days: Int) -> (year: Int, month: Int, day: Int) {
        let (era, dayOfEra) = (days + 719_468).flooredDivision(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }

    /// RFC 3339 §5.6, upper-case: `2026-05-01T18:00:00Z`, `…T20:00:00.5+02:00`; nil for anything else.
    public static func parse(_ text: String) -> Date? {
        // Foundation would accept 30 February as 2 March and 25 o'clock as one, and ignore trailing text.
        guard isWellFormed(Array(text.utf8)) else { return nil }
        if let date = try? Date(text, strategy: .iso8601) { return date }
        return try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    private static func isWellFormed(_ text: [UInt8]) -> Bool {
        guard (20...40).contains(text.count), matches(text[..<19], "dddd-dd-ddTdd:dd:dd") else { return false }
        var zone = text[19...]
        if zone.first == UInt8(ascii: ".") {
            zone = zone.dropFirst()
            let digits = zone.prefix { isDigit($0) }.count
            guard digits > 0 else { return false }
            zone = zone.dropFirst(digits)
        }
        guard zone.elementsEqual("Z".utf8) || matches(zone, "+dd:dd") || matches(zone, "-dd:dd") else { return false }
        let year = number(text[0..<4])
        let offset = Array(zone.dropFirst())
        return (1..<daysOfMonth(number(text[5..<7]), year) + 1).contains(number(text[8..<10]))
            && isTimeOfDay(text[11..<13], text[14..<16]) && number(text[17..<19]) < 60
            && (offset.isEmpty || isTimeOfDay(offset[..<2], offset[3...]))
    }

    /// `d` stands for a digit, everything else for itself.
    private static func matches(_ text: ArraySlice<UInt8>, _ pattern: String) -> Bool {
        text.count == pattern.utf8.count
            && zip(text, pattern.utf8).allSatisfy { $1 == UInt8(ascii: "d") ? isDigit($0) : $0 == $1 }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int { digits.reduce(0) { $0 * 10 + Int($1 - 0x30) } }

    private static func isTimeOfDay(_ hour: ArraySlice<UInt8>, _ minute: ArraySlice<UInt8>) -> Bool {
        number(hour) < 24 && number(minute) < 60
    }

    /// In the Gregorian calendar; 0 for a month that doesn't exist.
    private static func daysOfMonth(_ month: Int, _ year: Int) -> Int {
        switch month {
        case 2: year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400)) ? 29 : 28
        case 4, 6, 9, 11: 30
        case 1...12: 31
        default: 0
        }
    }
}

extension Int {
    /// The quotient rounded down, and the remainder: never negative for a positive divisor.
    func flooredDivision(by divisor: Int) -> (quotient: Int, remainder: Int) {
        let quotient = self >= 0 ? self / divisor : (self - divisor + 1) / divisor
        return (quotient, self - quotient * divisor)
    }
}
