/// Why a message was not handed over, and whether trying again can help.
public struct SMTPError: Error, Sendable, Hashable {
    /// What went wrong.
    public enum Kind: Sendable, Hashable {
        /// The server answered 4xx or 5xx; `code` says which.
        case rejected
        /// The server does not take the credentials, or offers no way to present them.
        case authentication
        /// No such host, nobody listening, or no connection within the limit.
        case unreachable
        /// Connected, but not done within the limit.
        case timedOut
        /// The server hung up, or spoke something other than SMTP.
        case connectionLost
        /// No TLS although it is required, or a certificate that does not hold.
        case tls
        /// The message cannot be sent by anyone; the text names the field.
        case invalidMessage(String)
        /// The address of the server is no good; the text says why.
        case invalidAddress(String)
        /// As many messages wait already as may wait.
        case overloaded
        /// The calling task was cancelled.
        case cancelled
        /// Anything else libcurl answers, by its number (libcurl-errors(3)).
        case library(Int)
    }

    public let kind: Kind
    /// The server's reply code, if it got as far as one.
    public let code: Int?
    /// The server's last words, at most 500 characters. They may repeat the recipient's address: for the person's own
    /// records, not for logs.
    public let serverText: String?
    /// The text had been (or may have been) handed over when the connection failed, so the message may arrive after
    /// all. A retry must bear the same Message-ID.
    public let outcomeUnknown: Bool

    init(_ kind: Kind, code: Int? = nil, serverText: String? = nil, outcomeUnknown: Bool = false) {
        self.kind = kind
        self.code = code
        self.serverText = serverText
        self.outcomeUnknown = outcomeUnknown
    }

    static func invalidMessage(_ field: String) -> SMTPError { SMTPError(.invalidMessage(field)) }
    static func invalidAddress(_ reason: String) -> SMTPError { SMTPError(.invalidAddress(reason)) }

    /// Whether the same message may go through later: everything but a 5xx answer (RFC 5321, 4.2.1) and what is wrong
    /// with the message itself. Refused credentials and certificates count as retriable, because they are put right by
    /// the operator and not by giving up the mail.
    public var isRetriable: Bool {
        switch kind {
        case .rejected: (code ?? 400) < 500
        case .invalidMessage, .invalidAddress: false
        default: true
        }
    }
}

extension SMTPError: CustomStringConvertible {
    /// For logs: kind and code, never the server's text.
    public var description: String { "SMTPError(\(kind)\(code.map { ", code: \($0)" } ?? ""))" }
}
