import CCurl

/// A libcurl easy handle and the SMTP connection that it keeps open from one message to the next.
///
/// Not `Sendable`: it is made, used and let go by one thread (`MailQueue`).
final class SMTPConnection {
    private let easy: UnsafeMutableRawPointer
    private let address: SMTPAddress
    private let timeouts: SMTPTimeouts

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

    /// Sends one message; blocks until the server has taken or refused it, a step's limit is reached, or `cancelled` is set.
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
        let dialogue = Watched(easy, SMTPDialogue(timeouts, cancelled: cancelled))
        try setCallbacks(dialogue)

        let status = withExtendedLifetime(dialogue) { curl_easy_perform(easy) }
        if status != CURLE_OK { throw failure(status, dialogue.dialogue, wasCancelled: cancelled.isSet) }
        // The server can hang up after the text without an answer: only its 2xx makes the message its own.
        guard (200..<300).contains(em_curl_get_long(easy, CURLINFO_RESPONSE_CODE)) else {
            throw failure(CURLE_RECV_ERROR, dialogue.dialogue, wasCancelled: false)
        }
        return dialogue.dialogue.reply
    }

    private func setConnectionOptions() throws(SMTPError) {
        try require(em_curl_set_string(easy, CURLOPT_URL, address.url))
        try require(em_curl_set_string(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps"))
        // Neither the environment's proxy nor signals: both belong to the process, not to this thread.
        try require(em_curl_set_string(easy, CURLOPT_PROXY, ""))
        try require(em_curl_set_long(easy, CURLOPT_NOSIGNAL, 1))
        // libcurl's own limits are for the whole greeting and log-in, and one for all answers: those of the steps are watched
        // by the callback, and these are only out of its way.
        try require(em_curl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(Self.outOfTheWay)))
        try require(em_curl_set_long(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, Int(Self.outOfTheWay / .seconds(1))))
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
            // With the command itself: some servers know AUTH only so (RFC 4954 §4).
            try require(em_curl_set_long(easy, CURLOPT_SASL_IR, 1))
            if let method = address.authentication {
                try require(em_curl_set_string(easy, CURLOPT_LOGIN_OPTIONS, "AUTH=\(method.rawValue.uppercased())"))
            }
        }
    }

    private static let outOfTheWay = Duration.seconds(86_400)

    /// The pointer is unretained: what it points to outlives the `perform` that follows.
    private func setCallbacks(_ watched: Watched) throws(SMTPError) {
        let context = Unmanaged.passUnretained(watched).toOpaque()
        let line: em_curl_line_callback = { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            Watched.at(context).dialogue.received(UnsafeRawBufferPointer(start: bytes, count: size * count))
            return size * count
        }
        try require(em_curl_set_line_callback(easy, line, context))
        let debug: curl_debug_callback = { _, kind, bytes, count, context in
            guard kind == CURLINFO_HEADER_OUT, let bytes, let context else { return 0 }
            Watched.at(context).dialogue.sent(UnsafeRawBufferPointer(start: bytes, count: count))
            return 0
        }
        try require(em_curl_set_debug_callback(easy, debug, context))
        let progress: curl_xferinfo_callback = { context, _, _, all, sent in
            guard let context else { return 0 }
            let watched = Watched.at(context)
            // Without a TCP connection there is no port.
            let isConnected = em_curl_get_long(watched.easy, CURLINFO_PRIMARY_PORT) != 0
            return watched.dialogue.goesOn(isConnected: isConnected, sent: sent, of: all) ? 0 : 1
        }
        try require(em_curl_set_progress_callback(easy, progress, context))
    }

    /// What libcurl's callbacks are given.
    private final class Watched {
        let easy: UnsafeMutableRawPointer
        let dialogue: SMTPDialogue

        init(_ easy: UnsafeMutableRawPointer, _ dialogue: SMTPDialogue) {
            self.easy = easy
            self.dialogue = dialogue
        }

        static func at(_ context: UnsafeMutableRawPointer) -> Watched {
            Unmanaged<Watched>.fromOpaque(context).takeUnretainedValue()
        }
    }

    private func failure(_ status: CURLcode, _ dialogue: SMTPDialogue, wasCancelled: Bool) -> SMTPError {
        let code = em_curl_get_long(easy, CURLINFO_RESPONSE_CODE)
        let reply: Int? = (200..<600).contains(code) ? code : nil
        let text = dialogue.reply.isEmpty ? nil : dialogue.reply
        let kind: SMTPError.Kind
        switch status {
        case CURLE_ABORTED_BY_CALLBACK where wasCancelled: kind = .cancelled
        case CURLE_LOGIN_DENIED: kind = .authentication
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT: kind = .unreachable
        case CURLE_USE_SSL_FAILED, CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
            CURLE_SSL_CERTPROBLEM:
            kind = .tls
        case CURLE_ABORTED_BY_CALLBACK where dialogue.isTimedOut:
            kind = dialogue.step == .connection ? .unreachable : .timedOut
        case CURLE_OPERATION_TIMEDOUT: kind = .timedOut
        case _ where (reply ?? 0) >= 400: kind = .rejected
        case CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_WEIRD_SERVER_REPLY: kind = .connectionLost
        default: kind = .library(Int(status.rawValue))
        }
        // After a 4xx or 5xx nothing was taken; between the 354 and the answer to the final dot nobody knows.
        let unknown = dialogue.textWasAskedFor && kind != .rejected
        return SMTPError(kind, code: reply, step: dialogue.answered, serverText: text, outcomeUnknown: unknown)
    }

    private func require(_ status: CURLcode) throws(SMTPError) {
        if status != CURLE_OK { throw SMTPError(.library(Int(status.rawValue))) }
    }
}

private func milliseconds(_ duration: Duration) -> Int {
    max(1, Int(duration / .milliseconds(1)))
}
