import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import Persistence

extension Response {
    /// A JSON response. Personal data is never stored by a shared cache.
    static func json(
        _ value: some Encodable, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) throws -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        if headers[.cacheControl] == nil { headers[.cacheControl] = "no-store" }
        return Response(
            status: status, headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: try WireJSON.encode(value))))
    }

    static func text(
        _ body: String, type: String, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> Response {
        bytes(Array(body.utf8), type: type, status: status, headers: headers)
    }

    static func bytes(
        _ body: [UInt8], type: String, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.contentType] = type
        if headers[.cacheControl] == nil { headers[.cacheControl] = "no-store" }
        return Response(
            status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
}

/// `{items, nextCursor}`
struct PageJSON<Item: Encodable>: Encodable {
    var items: [Item]
    @Nullable var nextCursor: String?

    init(items: [Item], nextCursor: String?) {
        self.items = items
        self.nextCursor = nextCursor
    }
}

extension Page {
    /// The page as clients see it.
    func json<Shown: Encodable>(_ kind: CursorKind, _ show: (Item) throws -> Shown) rethrows -> PageJSON<Shown> {
        PageJSON(items: try items.map(show), nextCursor: next.map { Cursor.encode($0, kind) })
    }
}

/// Encoded as `null` if there is no value, instead of being omitted, so that clients can rely on the key.
@propertyWrapper
struct Nullable<Value: Encodable>: Encodable {
    var wrappedValue: Value?

    init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let wrappedValue {
            try container.encode(wrappedValue)
        } else {
            try container.encodeNil()
        }
    }
}
