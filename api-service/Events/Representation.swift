import Crypto
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import Persistence

/// A page of the public list, as requested.
struct PublishedList: Hashable, Sendable {
    var query: String?
    var from: Date?
    var to: Date?
    var after: PageKey?
    var limit: Int
}

/// An encoded JSON document, with a tag that changes with its bytes.
struct Representation: Sendable {
    let body: ByteBuffer
    /// RFC 9110 §8.8.3, with its quotes.
    let tag: String

    /// - Parameter version: the first part of the tag, for If-Match.
    init(_ value: some Encodable, version: Int? = nil) throws {
        let bytes = try WireJSON.encode(value)
        body = ByteBuffer(bytes: bytes)
        let hash = Base64URL.encode(SHA256.hash(data: bytes).prefix(12))
        tag = version.map { "\"\($0).\(hash)\"" } ?? "\"\(hash)\""
    }

    /// Who may cache the response.
    enum Audience: Sendable {
        /// Everyone, until the end of this second; later, a conditional request is needed.
        case everyone(until: Int)
        /// The requester, with a conditional request each time.
        case oneself
        /// No one: private data that must not remain on a device.
        case nobody
    }

    /// 200 with the document, or 304 without if the client has it already.
    func response(to request: Request, for audience: Audience) -> Response {
        var headers: HTTPFields = [.eTag: tag, .vary: "Authorization"]
        switch audience {
        case .everyone(let second):
            headers[.cacheControl] = "public, max-age=0, must-revalidate"
            // nginx counts whole seconds by the same clock: a copy never outlives the second in which it was read.
            headers[.accelExpires] = "@\(second)"
        case .oneself: headers[.cacheControl] = "private, max-age=0, must-revalidate"
        case .nobody: headers[.cacheControl] = "no-store"
        }
        if let known = request.headers[.ifNoneMatch], Self.names(known, tag) {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = "application/json"
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: body))
    }

    /// Whether If-None-Match matches this tag: the weak comparison of RFC 9110 §8.8.3.2, because a compressing proxy
    /// weakens the tag.
    static func names(_ header: String, _ tag: String) -> Bool {
        header.split(separator: ",").contains { part in
            let candidate = part.filter { $0 != " " && $0 != "\t" }
            return candidate == "*" || candidate == tag || candidate == "W/" + tag
        }
    }
}

extension HTTPField.Name {
    static let accelExpires = HTTPField.Name("X-Accel-Expires")!
}

extension Date {
    /// Whole seconds since 1970, as nginx counts them.
    var wholeSecond: Int { Int(timeIntervalSince1970.rounded(.down)) }
}
