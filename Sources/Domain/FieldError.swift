/// One invalid field of a request, as a problem document lists it.
public struct FieldError: Encodable, Hashable, Sendable {
    /// The field's name in the JSON document.
    public let field: String
    public let violation: FieldViolation

    public init(field: String, _ violation: FieldViolation) {
        self.field = field
        self.violation = violation
    }

    /// The stable names of what can be wrong with a field; programs and pages decide by them, openapi.yaml lists them.
    public enum Code: String, Encodable, Sendable {
        case addressNotAllowed = "address-not-allowed"
        case afterEnd = "after-end"
        case alreadyUsed = "already-used"
        case beforeRegistrationOpens = "before-registration-opens"
        case beforeStart = "before-start"
        case commonPassword = "common-password"
        case containsCredentials = "contains-credentials"
        case containsFragment = "contains-fragment"
        case duplicate
        case inThePast = "in-the-past"
        case invalidCharacters = "invalid-characters"
        case invalidEncoding = "invalid-encoding"
        case notABoolean = "not-a-boolean"
        case notAColor = "not-a-color"
        case notADateTime = "not-a-date-time"
        case notADuration = "not-a-duration"
        case notAList = "not-a-list"
        case notAMessageType = "not-a-message-type"
        case notASequence = "not-a-sequence"
        case notAString = "not-a-string"
        case notATimeZone = "not-a-time-zone"
        case notAURL = "not-a-url"
        case notAUUID = "not-a-uuid"
        case notAllowed = "not-allowed"
        case notAnEmail = "not-an-email"
        case notAnInteger = "not-an-integer"
        case notAnObject = "not-an-object"
        case notAnOrganizer = "not-an-organizer"
        case notHTTPS = "not-https"
        case outOfRange = "out-of-range"
        case ownEmail = "own-email"
        case personalPassword = "personal-password"
        case portNotAllowed = "port-not-allowed"
        case required
        case tooFarAhead = "too-far-ahead"
        case tooLight = "too-light"
        case tooLong = "too-long"
        case tooShort = "too-short"
        case unknownAccount = "unknown-account"
        case unknownValue = "unknown-value"
        case wrongPassword = "wrong-password"
    }

    /// The numbers or values that a sentence about a violation needs.
    public struct Parameters: Encodable, Hashable, Sendable {
        public var minimum: Int?
        public var maximum: Int?
        public var values: [String]?
    }

    private enum CodingKeys: CodingKey {
        case field, code, message, parameters
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(field, forKey: .field)
        try container.encode(violation.code, forKey: .code)
        try container.encode(violation.message, forKey: .message)
        try container.encodeIfPresent(violation.parameters, forKey: .parameters)
    }
}

/// What is wrong with the value of a field.
public enum FieldViolation: Hashable, Sendable {
    case required
    case tooShort(minimum: Int)
    case tooLong(maximum: Int)
    case outOfRange(ClosedRange<Int>)
    case controlCharacters
    case directionalCharacters
    case notVisibleASCII(ClosedRange<Int>)
    case notPercentEncoded

    // Kinds of values
    case notAString
    case notAnInteger
    case notABoolean
    case notAnObject
    case notAList(ClosedRange<Int>)
    case notAUUID
    case notAnEmail
    case notATimeZone
    case notAColor
    /// - Parameter hasLostPlus: the plus of an offset was sent as it is, and so read as a blank.
    case notADateTime(hasLostPlus: Bool = false)
    case notADuration
    case notAMessageType
    case notASequence
    case unknownValue([String])
    case duplicate

    // Times
    case impossibleDate
    case beforeStart
    case beforeRegistrationOpens
    case afterEnd
    case inThePast
    /// The end of an event; `confirmPast` allows it.
    case endsInThePast
    case moreThanAYearAhead

    // Accounts
    case unknownAccount
    case notAnOrganizer
    case ownEmail
    case wrongPassword
    case commonPassword
    case personalPassword

    // Addresses of webhooks
    case notAURL
    case notHTTPS
    case containsCredentials
    case containsFragment
    case portNotAllowed
    case privateAddress
    case localHost
    case onlyForWebhooks

    case tooLight
    case alwaysMailed
    case scanIDReused

    public var code: FieldError.Code {
        switch self {
        case .required: .required
        case .tooShort: .tooShort
        case .tooLong: .tooLong
        case .outOfRange, .impossibleDate: .outOfRange
        case .controlCharacters, .directionalCharacters, .notVisibleASCII: .invalidCharacters
        case .notPercentEncoded: .invalidEncoding
        case .notAString: .notAString
        case .notAnInteger: .notAnInteger
        case .notABoolean: .notABoolean
        case .notAnObject: .notAnObject
        case .notAList: .notAList
        case .notAUUID: .notAUUID
        case .notAnEmail: .notAnEmail
        case .notATimeZone: .notATimeZone
        case .notAColor: .notAColor
        case .notADateTime: .notADateTime
        case .notADuration: .notADuration
        case .notAMessageType: .notAMessageType
        case .notASequence: .notASequence
        case .unknownValue: .unknownValue
        case .duplicate: .duplicate
        case .beforeStart: .beforeStart
        case .beforeRegistrationOpens: .beforeRegistrationOpens
        case .afterEnd: .afterEnd
        case .inThePast, .endsInThePast: .inThePast
        case .moreThanAYearAhead: .tooFarAhead
        case .unknownAccount: .unknownAccount
        case .notAnOrganizer: .notAnOrganizer
        case .ownEmail: .ownEmail
        case .wrongPassword: .wrongPassword
        case .commonPassword: .commonPassword
        case .personalPassword: .personalPassword
        case .notAURL: .notAURL
        case .notHTTPS: .notHTTPS
        case .containsCredentials: .containsCredentials
        case .containsFragment: .containsFragment
        case .portNotAllowed: .portNotAllowed
        case .privateAddress, .localHost: .addressNotAllowed
        case .onlyForWebhooks, .alwaysMailed: .notAllowed
        case .tooLight: .tooLight
        case .scanIDReused: .alreadyUsed
        }
    }

    /// What a developer reads; continues the field's name.
    public var message: String {
        switch self {
        case .required: "is required"
        case .tooShort(let minimum): "must be at least \(minimum) \(minimum == 1 ? "character" : "characters")"
        case .tooLong(let maximum): "must be at most \(maximum) \(maximum == 1 ? "character" : "characters")"
        case .outOfRange(let range): "must be between \(range.lowerBound) and \(range.upperBound)"
        case .controlCharacters: "must not contain control characters"
        case .directionalCharacters: "must not contain characters that change the text direction"
        case .notVisibleASCII(let count):
            "must be \(count.lowerBound) to \(count.upperBound) visible ASCII characters"
        case .notPercentEncoded: "must be percent-encoded UTF-8"
        case .notAString: "must be a string"
        case .notAnInteger: "must be an integer"
        case .notABoolean: "must be true or false"
        case .notAnObject: "must be an object"
        case .notAList(let count): "must be a list of \(count.lowerBound) to \(count.upperBound) items"
        case .notAUUID: "must be a UUID"
        case .notAnEmail: "must be an email address"
        case .notATimeZone: "must be an IANA time zone, such as Europe/Berlin"
        case .notAColor: "must be a color, such as #0b6e5f"
        case .notADateTime(let hasLostPlus):
            "must be a date and time, such as 2026-05-01T18:00:00Z"
                + (hasLostPlus ? "; write + as %2B in a URL" : "")
        case .notADuration: "must contain only durations, such as P7D (1 to 90 days) or PT24H (1 to 72 hours)"
        case .notAMessageType: "must contain only message types, such as em.registration.confirmed, em.ticket.* or *"
        case .notASequence: "must be a sequence number, such as 17"
        case .unknownValue(let values): "must be one of: \(values.joined(separator: ", "))"
        case .duplicate: "must not contain duplicates"
        case .impossibleDate: "must be between the years 1900 and 2199"
        case .beforeStart: "must be after the start"
        case .beforeRegistrationOpens: "must be after registration opens"
        case .afterEnd: "must be before the end of the event"
        case .inThePast: "must be in the future"
        case .endsInThePast: "is in the past, so the event would be over; set confirmPast to true to allow it"
        case .moreThanAYearAhead: "must be within a year"
        case .unknownAccount: "must be the email address of an existing account"
        case .notAnOrganizer: "must be the confirmed email address of an organizer"
        case .ownEmail: "must not be your own email address"
        case .wrongPassword: "is incorrect"
        case .commonPassword: "is too common"
        case .personalPassword: "must not be based on your name or email address"
        case .notAURL: "must be a URL, such as https://example.com/hooks"
        case .notHTTPS: "must start with https://"
        case .containsCredentials: "must not contain a username or password"
        case .containsFragment: "must not contain a fragment"
        case .portNotAllowed: "must use port 80, 443, or one from 1024 to 65535"
        case .privateAddress: "must not point to a private or reserved address"
        case .localHost: "must be a public host name"
        case .onlyForWebhooks: "is only allowed for webhooks"
        case .tooLight: "must be darker, so that white text on it is readable"
        case .alwaysMailed: "can't be turned off: these emails are part of the registration"
        case .scanIDReused: "was already used by this device for another code"
        }
    }

    public var parameters: FieldError.Parameters? {
        switch self {
        case .tooShort(let minimum): .init(minimum: minimum)
        case .tooLong(let maximum): .init(maximum: maximum)
        case .outOfRange(let range), .notAList(let range):
            .init(minimum: range.lowerBound, maximum: range.upperBound)
        case .unknownValue(let values): .init(values: values)
        default: nil
        }
    }
}
