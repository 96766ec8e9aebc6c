import CCurl
import Synchronization

/// Time limits of one message.
public struct SMTPTimeouts: Sendable, Hashable {
    /// To the TCP and TLS connection, name lookup included.
    public var connect: Duration = .seconds(10)
    /// To the answer to one command, the message's text included; in whole seconds.
    public var answer: Duration = .seconds(15)
    /// For the whole message.
    public var whole: Duration = .seconds(30)

    public init() {}
}

/// A libcurl easy handle and the SMTP connection that it keeps open from one message to the next.
///
/// Not `Sendable`: it is made, used and let go by one thread (`MailQueue.startThread`).
final class SMTPConnection {
    private let easy: UnsafeMutableRawPointer
    private let address: SMTPAddress
    private let timeouts: SMTPTimeouts
    /// What the server said. libcurl holds an unretained pointer to it during `perform` only.
    private let lastReply = LastReply()

    /// `curl_global_init` must precede all else and happen once; a static is initialised so.
    private static let libraryReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    init?(_ address: SMTPAddress, _ timeouts: SMTPTimeouts) {
        guard Self.libraryReady, let easy = curl_easy_init() else { return nil }
        self.easy = easy
        self.address = address
        self.timeouts = timeouts
    }

    deinit {
        curl_easy_cleanup(easy)
    }

    /// Sends one message; blocks until the server has taken or refused it, a limit is reached, or `cancelled` is set.
    /// Returns the server's answer to the text.
    func send(_ message: MailMessage, cancelled: CancellationFlag) throws(SMTPError) -> String {
        let lines = try MailHeaders.lines(of: message)
        // Forgets all options and results, keeps the connection.
        curl_easy_reset(easy)
        var headers: UnsafeMutablePointer<curl_slist>?
        for line in lines { headers = try appended(line, to: headers) }
        defer { curl_slist_free_all(headers) }
        let recipients = try appended("<\(message.to.address)>", to: nil)
        defer { curl_slist_free_all(recipients) }
        let body = try MIMEBody.make(message, easy: easy)
        defer { curl_mime_free(body) }

        try setConnectionOptions()
        try require(em_curl_set_string(easy, CURLOPT_MAIL_FROM, "<\(message.from.address)>"))
        try require(em_curl_set_list(easy, CURLOPT_MAIL_RCPT, recipients))
        try require(em_curl_set_list(easy, CURLOPT_HTTPHEADER, headers))
        try require(em_curl_set_mime(easy, body))
        try setCallbacks(cancelled)

        lastReply.forget()
        let status = withExtendedLifetime(cancelled) { curl_easy_perform(easy) }
        if status != CURLE_OK { throw failure(status, wasCancelled: cancelled.isSet) }
        // The server can hang up after the text without an answer: only its 2xx makes the message its own.
        guard (200..<300).contains(em_curl_get_long(easy, CURLINFO_RESPONSE_CODE)) else {
            throw failure(CURLE_RECV_ERROR, wasCancelled: false)
        }
        return lastReply.text
    }

    private func setConnectionOptions() throws(SMTPError) {
        try require(em_curl_set_string(easy, CURLOPT_URL, address.url))
        try require(em_curl_set_string(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps"))
        // Neither the environment's proxy nor signals: both belong to the process, not to this thread.
        try require(em_curl_set_string(easy, CURLOPT_PROXY, ""))
        try require(em_curl_set_long(easy, CURLOPT_NOSIGNAL, 1))
        try require(em_curl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(timeouts.connect)))
        let answer = max(1, Int(timeouts.answer.components.seconds))
        try require(em_curl_set_long(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, answer))
        try require(em_curl_set_long(easy, CURLOPT_TIMEOUT_MS, milliseconds(timeouts.whole)))
        // Servers hang up on idle clients after some minutes; don't try one that probably has.
        try require(em_curl_set_long(easy, CURLOPT_MAXAGE_CONN, 60))
        let tls = address.requiresTLS ? CURLUSESSL_ALL : CURLUSESSL_NONE
        try require(em_curl_set_long(easy, CURLOPT_USE_SSL, Int(tls.rawValue)))
        if let authorities = address.certificateAuthorities {
            try require(em_curl_set_string(easy, CURLOPT_CAINFO, authorities))
        }
        if let user = address.user, let password = address.password {
            try require(em_curl_set_string(easy, CURLOPT_USERNAME, user))
            try require(em_curl_set_string(easy, CURLOPT_PASSWORD, password))
        }
    }

    /// Both pointers are unretained: `self` and the flag outlive the `perform` that follows.
    private func setCallbacks(_ cancelled: CancellationFlag) throws(SMTPError) {
        let line: em_curl_line_callback = { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            let received = UnsafeRawBufferPointer(start: bytes, count: size * count)
            Unmanaged<LastReply>.fromOpaque(context).takeUnretainedValue().take(received)
            return size * count
        }
        try require(em_curl_set_line_callback(easy, line, Unmanaged.passUnretained(lastReply).toOpaque()))
        let progress: curl_xferinfo_callback = { context, _, _, _, _ in
            guard let context else { return 0 }
            return Unmanaged<CancellationFlag>.fromOpaque(context).takeUnretainedValue().isSet ? 1 : 0
        }
        try require(em_curl_set_progress_callback(easy, progress, Unmanaged.passUnretained(cancelled).toOpaque()))
    }

    private func failure(_ status: CURLcode, wasCancelled: Bool) -> SMTPError {
        let code = em_curl_get_long(easy, CURLINFO_RESPONSE_CODE)
        let reply: Int? = (200..<600).contains(code) ? code : nil
        let text = lastReply.text.isEmpty ? nil : lastReply.text
        let kind: SMTPError.Kind
        switch status {
        case CURLE_ABORTED_BY_CALLBACK where wasCancelled: kind = .cancelled
        case CURLE_LOGIN_DENIED: kind = .authentication
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT: kind = .unreachable
        case CURLE_USE_SSL_FAILED, CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
            CURLE_SSL_CERTPROBLEM:
            kind = .tls
        case CURLE_OPERATION_TIMEDOUT:
            kind = wasConnected ? .timedOut : .unreachable
        case _ where (reply ?? 0) >= 400: kind = .rejected
        case CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_WEIRD_SERVER_REPLY: kind = .connectionLost
        default: kind = .library(Int(status.rawValue))
        }
        // After a 4xx or 5xx nothing was taken; between the 354 and the answer to the final dot nobody knows.
        let unknown = lastReply.textWasAskedFor && kind != .rejected
        return SMTPError(kind, code: reply, serverText: text, outcomeUnknown: unknown)
    }

    /// Whether the last transfer got as far as a TCP connection; without one there is no port.
    private var wasConnected: Bool { em_curl_get_long(easy, CURLINFO_PRIMARY_PORT) != 0 }

    private func require(_ status: CURLcode) throws(SMTPError) {
        if status != CURLE_OK { throw SMTPError(.library(Int(status.rawValue))) }
    }
}

/// What the server said last, its goodbye aside.
private final class LastReply {
    /// All lines of the reply, the code once, at most 500 characters.
    private(set) var text = ""
    /// It answered DATA with 354.
    private(set) var textWasAskedFor = false
    private var isContinued = false

    func forget() {
        text = ""
        textWasAskedFor = false
        isContinued = false
    }

    func take(_ bytes: UnsafeRawBufferPointer) {
        let line = String(decoding: bytes.prefix(500).prefix { $0 != 0x0D && $0 != 0x0A }, as: UTF8.self)
        // libcurl says QUIT after a refusal; the answer is not why the message was refused.
        if line.hasPrefix("221") { return }
        if line.hasPrefix("354") { textWasAskedFor = true }
        // `550-first`, `550-second`, `550 last` (RFC 5321, 4.2).
        text = isContinued ? String("\(text) \(line.dropFirst(4))".prefix(500)) : line
        isContinued = line.dropFirst(3).first == "-"
    }
}

/// Set by the cancelled task, read by the sending thread.
final class CancellationFlag: Sendable {
    private let flag = Atomic(false)
    var isSet: Bool { flag.load(ordering: .relaxed) }
    func set() { flag.store(true, ordering: .relaxed) }
}

private func milliseconds(_ duration: Duration) -> Int {
    max(1, Int(duration / .milliseconds(1)))
}
