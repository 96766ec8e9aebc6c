import Access
import Domain
import FoundationEssentials
import Hummingbird
import Persistence

/// The deliveries of a webhook.
struct WebhookRoutes: Sendable {
    let stores: Stores
    let retryDelivery: RetryDelivery
    let testWebhook: TestWebhook

    @Sendable func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try await subscription(context)
        var query = QueryFields(request)
        let status = query.choice("status", of: WebhookDeliveryStatus.self)
        return try await context.page(.webhookDeliveries, of: query, WebhookDeliveryJSON.init) {
            try await stores.webhooks.deliveries(of: id, status: status, after: $0, limit: $1)
        }
    }

    @Sendable func retry(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try await subscription(context)
        let delivery = try context.id("deliveryId", of: WebhookDeliverySubject.self)
        return try .json(
            WebhookDeliveryJSON(try await retryDelivery.perform(delivery, of: id, by: try context.signedIn())),
            status: .accepted)
    }

    @Sendable func test(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try await subscription(context)
        let answered = try await testWebhook.perform(
            id, by: try context.signedIn(), once: try context.idempotentRequest(request, body: [])
        ) { try .json(WebhookDeliveryJSON($0), status: .accepted) }
        return Response(answered)
    }

    /// The webhook in the path. Visible to its owner only; 404 for anyone else.
    private func subscription(_ context: APIContext) async throws -> SubscriptionID {
        let principal = try context.signedIn()
        let id = try context.id(of: SubscriptionSubject.self)
        guard try await stores.webhooks.owner(of: id) == principal.userID else { throw DomainError.notFound }
        return id
    }
}

struct WebhookDeliveryJSON: Encodable {
    struct Attempt: Encodable {
        var at: Date
        @Nullable var status: Int?
        var durationMs: Int
        @Nullable var error: String?
        @Nullable var errorCode: WebhookError?
        @Nullable var responseExcerpt: String?
    }

    var id: WebhookDeliveryID
    var messageId: MessageID
    var type: String
    @Nullable var eventId: EventID?
    /// As in the message.
    @Nullable var sequence: String?
    var status: WebhookDeliveryStatus
    var attempts: [Attempt]
    var createdAt: Date
    @Nullable var nextAttemptAt: Date?

    init(_ delivery: WebhookDelivery) {
        id = delivery.id
        messageId = delivery.messageID
        type = delivery.type
        eventId = delivery.eventID
        sequence = delivery.sequence.map(String.init)
        status = delivery.status
        attempts = delivery.attempts.map {
            Attempt(
                at: $0.at, status: $0.status, durationMs: $0.durationMilliseconds, error: $0.error?.words,
                errorCode: $0.error, responseExcerpt: $0.responseExcerpt)
        }
        createdAt = delivery.createdAt
        nextAttemptAt = delivery.nextAttemptAt
    }
}
