/// Why an email was not sent, where the mail server said nothing itself. The raw value is stable.
///
/// Stored by its words: the same columns hold what mail servers say.
public enum MailError: String, CaseIterable, Encodable, Sendable {
    case rejected
    case credentialsRejected = "credentials-rejected"
    case serverUnreachable = "server-unreachable"
    case timedOut = "timed-out"
    case connectionLost = "connection-lost"
    case tlsFailed = "tls-failed"
    case invalidMessage = "invalid-message"
    case notSent = "not-sent"
    case notComposed = "not-composed"
    /// Something happened since that the email would contradict.
    case outdated

    public init?(words: String) {
        guard let found = Self.allCases.first(where: { $0.words == words }) else { return nil }
        self = found
    }

    public var words: String {
        switch self {
        case .rejected: "refused by the mail server"
        case .credentialsRejected: "the mail server refused our credentials"
        case .serverUnreachable: "the mail server is unreachable"
        case .timedOut: "the mail server did not answer in time"
        case .connectionLost: "the connection to the mail server was lost"
        case .tlsFailed: "no secure connection to the mail server"
        case .invalidMessage: "the email is not valid"
        case .notSent: "the email could not be sent"
        case .notComposed: "the email could not be composed"
        case .outdated: "not sent: replaced by a newer update"
        }
    }
}
