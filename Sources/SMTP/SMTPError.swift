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
    /// What the server's last reply was about.
    public let step: SMTPStep
    /// The server's last words, at most 500 characters. They may repeat the recipient's address: for the person's own
    /// records, not for logs.
    public let serverText: String?
    /// The text had been (or may have been) handed over when the connection failed, so the message may arrive after
    /// all. A retry must bear the same Message-ID.
    public let outcomeUnknown: Bool

    init(
        _ kind: Kind, code: Int? = nil, step: SMTPStep = .connection, serverText: String? = nil,
        outcomeUnknown: Bool = false
    ) {
        self.kind = kind
        self.code = code
        self.step = step
        self.serverText = serverText
        self.outcomeUnknown = outcomeUnknown
    }

    static func invalidMessage(_ field: String) -> SMTPError { SMTPError(.invalidMessage(field)) }
    static func invalidAddress(_ reason: String) -> SMTPError { SMTPError(.invalidAddress(reason)) }

    /// What a failure says, and of whom.
    public enum Meaning: Sendable, Hashable {
        /// It may go through later.
        case passing
        /// This message never will: its recipient isn't there, or it is refused as it is.
        case final
        /// The server doesn't take *our* mail: credentials, the sender's address, the name that we greet with, no permission
        /// to relay. No message is at fault, and none will get through before an operator has mended it.
        case aboutUs
    }

    /// A 4xx may pass (RFC 5321, 4.2.1). A 5xx is about whatever was said last; one about the recipient can be about us too
    /// (`554 5.7.1 Relay access denied`), since servers put off their refusals until then. Certificates that don't hold are
    /// put right by the operator and not by giving up the mail.
    public var meaning: Meaning {
        let code = code ?? 400
        switch kind {
        case .authentication: return (400..<500).contains(code) && self.code != nil ? .passing : .aboutUs
        case .invalidMessage, .invalidAddress: return .final
        case .rejected where code >= 500: break
        default: return .passing
        }
        switch step {
        case .connection, .greeting, .hello, .startTLS, .authentication, .other: return .aboutUs
        case .sender:
            // Too big, or an address in letters that the server doesn't know: of this message.
            return [552, 555].contains(code) || enhanced.hasPrefix("5.6.") || enhanced == "5.3.4" ? .final : .aboutUs
        case .recipient:
            if enhanced.hasPrefix("5.7.") || ["5.1.7", "5.1.8"].contains(enhanced) { return .aboutUs }
            if enhanced.hasPrefix("5.1.") || [550, 551, 553].contains(code) { return .final }
            return (500...504).contains(code) || (521...538).contains(code) ? .aboutUs : .passing
        case .data, .text, .answer: return .final
        }
    }

    /// Whether the same message may go through later.
    public var isRetriable: Bool { meaning != .final }

    /// `5.7.1` of `554 5.7.1 Relay access denied` (RFC 3463); empty without one.
    private var enhanced: String {
        let word = (serverText ?? "").split(separator: " ").dropFirst().first ?? ""
        let parts = word.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 3 && parts.allSatisfy({ Int($0) != nil }) ? String(word) : ""
    }
}

extension SMTPError: CustomStringConvertible {
    /// For logs: kind and code, never the server's text.
    public var description: String { "SMTPError(\(kind)\(code.map { ", code: \($0)" } ?? ""))" }
}
