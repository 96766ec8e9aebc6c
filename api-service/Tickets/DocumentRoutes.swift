import Access
import HTTPTypes
import Hummingbird

/// Machine-readable documents: public keys, and the descriptions of the API and the messages.
struct DocumentRoutes: Sendable {
    let keys: AccessKeys
    let keyring: TicketKeyring

    /// Keys change by rotation only, with days between.
    private static let cached: HTTPFields = [.cacheControl: "public, max-age=300"]

    @Sendable func accessKeys(_ request: Request, _ context: APIContext) async throws -> Response {
        .text(keys.set.json, type: "application/jwk-set+json", headers: Self.cached)
    }

    @Sendable func ticketKeys(_ request: Request, _ context: APIContext) async throws -> Response {
        .text(try await keyring.keys().keySet.json, type: "application/jwk-set+json", headers: Self.cached)
    }

    @Sendable func openAPI(_ request: Request, _ context: APIContext) async throws -> Response {
        .bytes(PackageResources.openapi_yaml, type: "application/yaml", headers: Self.cached)
    }

    @Sendable func asyncAPI(_ request: Request, _ context: APIContext) async throws -> Response {
        .bytes(PackageResources.asyncapi_yaml, type: "application/yaml", headers: Self.cached)
    }
}
