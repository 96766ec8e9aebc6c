/// How long each step of handing over a message may take: the table of RFC 5321 §4.5.3.2, without which a server that is
/// slow to answer is given up on after it has taken the message, and gets it again.
public struct SMTPTimeouts: Sendable, Hashable {
    /// To the TCP connection, name lookup included; of `smtps:` with TLS.
    public var connection: Duration = .seconds(30)
    /// To the greeting.
    public var greeting: Duration = .seconds(300)
    /// To the answer to one command: EHLO, STARTTLS, AUTH, MAIL, RCPT.
    public var command: Duration = .seconds(300)
    /// To the answer to DATA.
    public var data: Duration = .seconds(120)
    /// While nothing of the text leaves.
    public var block: Duration = .seconds(180)
    /// To the answer to the text's final dot.
    public var text: Duration = .seconds(600)

    public init() {}

    /// The same limit for every step.
    public init(everyStep limit: Duration) {
        (connection, greeting, command, data, block, text) = (limit, limit, limit, limit, limit, limit)
    }

    func limit(of step: SMTPStep) -> Duration {
        switch step {
        case .connection: connection
        case .greeting: greeting
        case .hello, .startTLS, .authentication, .sender, .recipient, .other: command
        case .data: data
        case .text: block
        case .answer: text
        }
    }
}

/// Where in the dialogue a message is.
public enum SMTPStep: Sendable, Hashable {
    case connection, greeting
    /// EHLO or HELO.
    case hello
    case startTLS, authentication
    /// MAIL.
    case sender
    /// RCPT.
    case recipient
    case data
    /// Its text is on the way.
    case text
    /// The final dot has been sent.
    case answer
    /// Any other command.
    case other

    /// The step that a command begins; nil for what is no command of its own, such as the lines of an AUTH exchange.
    init?(command: some StringProtocol) {
        switch command.prefix(4).uppercased() {
        case "EHLO", "HELO": self = .hello
        case "STAR": self = .startTLS
        case "AUTH": self = .authentication
        case "MAIL": self = .sender
        case "RCPT": self = .recipient
        case "DATA": self = .data
        case "RSET", "NOOP": self = .other
        default: return nil
        }
    }
}
