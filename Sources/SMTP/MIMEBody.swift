import CCurl

/// Builds a message's MIME tree for libcurl:
///
///     multipart/mixed
///       multipart/alternative
///         text/plain
///         multipart/related       (only text/html when nothing is inline)
///           text/html
///           image/png; inline …
///         text/calendar; method=REQUEST
///       the attachments
///
/// The easiest form comes first among the alternatives and the richest that everyone shows last but one: readers that
/// know invitations look for `text/calendar` wherever it stands, the others would show a raw calendar if it came before
/// the HTML (RFC 2046, 5.1.4: the last understood wins; clients without iMIP don't claim to understand text/calendar).
enum MIMEBody {
    /// The tree, owned by the caller: `curl_mime_free` it when the transfer has ended, and not after `easy`'s cleanup.
    static func make(_ message: MailMessage, easy: UnsafeMutableRawPointer) throws(SMTPError) -> OpaquePointer {
        for part in message.inlineParts + message.attachments { try check(part) }
        let mixed = try multipart(easy)
        do {
            try fillAlternative(try subtree("multipart/alternative", in: mixed, easy), message, easy)
            for attachment in message.attachments {
                let part = try addPart(to: mixed)
                try add(attachment.bytes, as: attachment.mediaType, encoder: "base64", to: part)
                try require(curl_mime_filename(part, attachment.name))
            }
            return mixed
        } catch {
            curl_mime_free(mixed)
            throw error
        }
    }

    private static func fillAlternative(
        _ alternative: OpaquePointer, _ message: MailMessage, _ easy: UnsafeMutableRawPointer
    ) throws(SMTPError) {
        try addText(message.text, as: "text/plain; charset=utf-8", to: alternative)
        if let html = message.html {
            if message.inlineParts.isEmpty {
                try addText(html, as: "text/html; charset=utf-8", to: alternative)
            } else {
                let related = try subtree("multipart/related", in: alternative, easy)
                try addText(html, as: "text/html; charset=utf-8", to: related)
                for part in message.inlineParts { try addInline(part, to: related) }
            }
        }
        if let invitation = message.invitation {
            let type = "text/calendar; charset=utf-8; method=\(invitation.method)"
            try add(invitation.calendar, as: type, encoder: "base64", to: try addPart(to: alternative))
        }
    }

    private static func addInline(_ inline: MailMessage.Part, to tree: OpaquePointer) throws(SMTPError) {
        let part = try addPart(to: tree)
        try add(inline.bytes, as: inline.mediaType, encoder: "base64", to: part)
        var headers = try appended("Content-Disposition: inline; filename=\"\(inline.name)\"", to: nil)
        if let contentID = inline.contentID { headers = try appended("Content-ID: <\(contentID)>", to: headers) }
        // The part takes the list and frees it.
        try require(curl_mime_headers(part, headers, 1))
    }

    private static func addText(_ text: String, as type: String, to tree: OpaquePointer) throws(SMTPError) {
        // SMTP lines end in CRLF; quoted-printable keeps those and escapes any other CR or LF.
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count + 64)
        var previous: UInt8 = 0
        for byte in text.utf8 {
            if byte == 0x0A, previous != 0x0D { bytes.append(0x0D) }
            bytes.append(byte)
            previous = byte
        }
        try add(bytes, as: type, encoder: "quoted-printable", to: try addPart(to: tree))
    }

    private static func add(
        _ bytes: [UInt8], as type: String, encoder: String, to part: OpaquePointer
    ) throws(SMTPError) {
        // libcurl copies all of these.
        let status = bytes.withUnsafeBytes { buffer in
            // An empty array may have no address, and NULL would mean "no data yet".
            guard let start = buffer.bindMemory(to: CChar.self).baseAddress else { return curl_mime_data(part, "", 0) }
            return curl_mime_data(part, start, buffer.count)
        }
        try require(status)
        try require(curl_mime_type(part, type))
        try require(curl_mime_encoder(part, encoder))
    }

    /// A multipart inside another, which owns it.
    private static func subtree(
        _ type: String, in tree: OpaquePointer, _ easy: UnsafeMutableRawPointer
    ) throws(SMTPError) -> OpaquePointer {
        let part = try addPart(to: tree)
        let inner = try multipart(easy)
        guard curl_mime_subparts(part, inner) == CURLE_OK else {
            curl_mime_free(inner)
            throw outOfMemory
        }
        try require(curl_mime_type(part, type))
        return inner
    }

    private static func multipart(_ easy: UnsafeMutableRawPointer) throws(SMTPError) -> OpaquePointer {
        guard let mime = curl_mime_init(easy) else { throw outOfMemory }
        return mime
    }

    private static func addPart(to tree: OpaquePointer) throws(SMTPError) -> OpaquePointer {
        guard let part = curl_mime_addpart(tree) else { throw outOfMemory }
        return part
    }

    private static func check(_ part: MailMessage.Part) throws(SMTPError) {
        for value in [part.name, part.mediaType, part.contentID ?? ""] {
            guard value.utf8.allSatisfy({ $0 < 0x80 }), !holdsControlCharacter(value) else {
                throw .invalidMessage("part")
            }
        }
        guard !part.name.contains(where: "\"\\".contains), !(part.contentID ?? "").contains(where: "<> ".contains)
        else {
            throw .invalidMessage("part")
        }
    }

    private static func require(_ status: CURLcode) throws(SMTPError) {
        if status != CURLE_OK { throw SMTPError(.library(Int(status.rawValue))) }
    }

    private static let outOfMemory = SMTPError(.library(Int(CURLE_OUT_OF_MEMORY.rawValue)))
}

/// `list` with one more line; `curl_slist_append` copies it. On failure the list is freed.
func appended(
    _ line: String, to list: UnsafeMutablePointer<curl_slist>?
) throws(SMTPError) -> UnsafeMutablePointer<curl_slist> {
    guard let longer = curl_slist_append(list, line) else {
        curl_slist_free_all(list)
        throw SMTPError(.library(Int(CURLE_OUT_OF_MEMORY.rawValue)))
    }
    return longer
}
