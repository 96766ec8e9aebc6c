import FoundationEssentials
import Glibc

/// The header fields of RFC 5322 that a message carries besides those of MIME, which libcurl writes.
enum MailHeaders {
    /// Ready-made header lines without the final CRLF, folded, ASCII only but for addresses that are not.
    ///
    /// - Throws: `.invalidMessage` for a value with a CR, an LF or another control character: one that could end its
    ///   line and begin a header of its own.
    static func lines(of message: MailMessage) throws(SMTPError) -> [String] {
        try refuseControlCharacters(in: message.subject, field: "subject")
        try refuseControlCharacters(in: message.messageID, field: "messageID")
        guard message.messageID.contains("@"), !message.messageID.contains(where: "<> ".contains) else {
            throw .invalidMessage("messageID")
        }
        var lines = [
            "Date: \(rfc5322(message.date))",
            "From: \(mailbox(message.from))",
            "To: \(mailbox(message.to))",
        ]
        if let replyTo = message.replyTo { lines.append("Reply-To: \(mailbox(replyTo))") }
        lines += [
            "Subject: \(unstructured(message.subject, after: "Subject: ".count))",
            "Message-ID: <\(message.messageID)>",
            // RFC 3834: vacation responders must not answer.
            "Auto-Submitted: auto-generated",
        ]
        for (name, value) in message.headers { lines.append(try additional(name, value)) }
        return lines
    }

    private static func additional(_ name: String, _ value: String) throws(SMTPError) -> String {
        // RFC 5322, 3.6.8: any printable character but the colon. libcurl reads a value of nothing as "leave it out".
        guard !name.isEmpty, !value.isEmpty, name.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x3A }),
            value.utf8.allSatisfy({ (0x20...0x7E).contains($0) }), name.utf8.count + value.utf8.count < 900
        else { throw .invalidMessage("headers") }
        return "\(name): \(value)"
    }

    static func refuseControlCharacters(in value: String, field: String) throws(SMTPError) {
        if holdsControlCharacter(value) { throw .invalidMessage(field) }
    }

    /// `Sun, 22 Nov 2026 13:05:00 +0000` (RFC 5322, 3.3), in UTC.
    static func rfc5322(_ date: Date) -> String {
        var seconds = time_t(date.timeIntervalSince1970.rounded(.down))
        var time = tm()
        gmtime_r(&seconds, &time)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(days[Int(time.tm_wday)]), \(two(time.tm_mday)) \(months[Int(time.tm_mon)]) \(1900 + time.tm_year) "
            + "\(two(time.tm_hour)):\(two(time.tm_min)):\(two(time.tm_sec)) +0000"
    }

    /// `"Name" <address>`, the name as a quoted string, or as encoded words when it is not ASCII.
    static func mailbox(_ mailbox: MailAddress) -> String {
        guard let name = mailbox.name, !name.isEmpty else { return mailbox.address }
        guard name.utf8.allSatisfy({ $0 < 0x80 }), !name.contains("=?") else {
            return "\(encodedWords(name, after: "Reply-To: ".count))\r\n <\(mailbox.address)>"
        }
        var quoted = "\""
        for character in name {
            if character == "\"" || character == "\\" { quoted.append("\\") }
            quoted.append(character)
        }
        return "\(quoted)\"\r\n <\(mailbox.address)>"
    }

    /// Free text: as it is, folded at spaces, when ASCII, else as encoded words.
    static func unstructured(_ text: String, after used: Int) -> String {
        guard text.utf8.allSatisfy({ $0 < 0x80 }), !text.contains("=?"), !text.hasPrefix(" "), !text.hasSuffix(" ")
        else { return encodedWords(text, after: used) }
        var folded = ""
        var column = used
        for (index, word) in text.split(separator: " ", omittingEmptySubsequences: false).enumerated() {
            if index > 0 {
                // Folding inserts a line break before a space that is there already (RFC 5322, 2.2.3). Only before a
                // word, so that no line is made of spaces alone.
                if column + 1 + word.utf8.count > 76, !word.isEmpty {
                    folded += "\r\n"
                    column = 0
                }
                folded += " "
                column += 1
            }
            folded += word
            column += word.utf8.count
        }
        return folded
    }

    /// RFC 2047 encoded words in base64, each at most 75 characters, none ending within a character.
    static func encodedWords(_ text: String, after used: Int) -> String {
        var words: [String] = []
        var pending: [UInt8] = []
        // `=?UTF-8?B?` and `?=` take 12 of a line's 76 columns; three bytes make four characters.
        var room = (76 - used - 12) / 4 * 3
        func flush() {
            words.append("=?UTF-8?B?\(Data(pending).base64EncodedString())?=")
            pending = []
            room = 45
        }
        for scalar in text.unicodeScalars {
            let bytes = Array(String(scalar).utf8)
            if pending.count + bytes.count > room { flush() }
            pending += bytes
        }
        if !pending.isEmpty { flush() }
        return words.joined(separator: "\r\n ")
    }
}

/// C0 controls (CR, LF, NUL, TAB, …), DEL, and the C1 controls and Unicode separators that some readers treat as line
/// ends.
func holdsControlCharacter(_ text: String) -> Bool {
    text.unicodeScalars.contains {
        $0.value < 0x20 || (0x7F...0x9F).contains($0.value) || $0.value == 0x2028 || $0.value == 0x2029
    }
}
