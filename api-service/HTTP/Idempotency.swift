import Access
import Crypto
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import Persistence

extension HTTPField.Name {
    static let idempotencyReplayed = HTTPField.Name("Idempotency-Replayed")!
}

extension APIContext {
    /// The request identified by its Idempotency-Key; nil without one.
    /// - Parameter body: as received.
    /// - Throws: ``DomainError/validationFailed(_:)`` for a key that isn't 1 to 255 visible ASCII characters.
    func idempotentRequest(_ request: Request, body: [UInt8]) throws -> IdempotentRequest? {
        guard let name = request.headers[.idempotencyKey] else { return nil }
        let length = 1...255
        guard length.contains(name.utf8.count), name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw DomainError.validationFailed([
                FieldError(field: "Idempotency-Key", .notVisibleASCII(length))
            ])
        }
        var hash = SHA256()
        hash.update(data: Array("\(request.method.rawValue) \(request.uri.path)\n".utf8))
        hash.update(data: body)
        return IdempotentRequest(
            key: .init(user: try signedIn().userID, name: name),
            route: "\(request.method.rawValue) \(endpointPath ?? request.uri.path)", fingerprint: Array(hash.finalize())
        )
    }
}

extension StoredResponse {
    static func json(
        _ value: some Encodable, status: HTTPResponse.Status = .ok, location: String? = nil, etag: String? = nil
    ) throws -> StoredResponse {
        StoredResponse(
            status: status.code, body: String(decoding: try WireJSON.encode(value), as: UTF8.self), location: location,
            etag: etag)
    }
}

extension Response {
    /// The response of a creating request: byte for byte the same whenever it is replayed.
    init(_ answered: Answered) {
        let stored = answered.response
        var headers: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
        headers[.location] = stored.location
        headers[.eTag] = stored.etag
        if answered.isReplay { headers[.idempotencyReplayed] = "true" }
        self.init(
            status: .init(code: stored.status), headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(string: stored.body)))
    }
}
