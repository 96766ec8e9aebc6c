import Access
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Messaging
import Persistence
import Webhooks

/// The caller's own subscriptions.
struct SubscriptionRoutes: Sendable {
    let stores: Stores
    let manageSubscriptions: ManageSubscriptions
    let replayMessages: ReplayMessages
    let publicBroker: String
    let webhookAddresses: AddressRule
    let clock: @Sendable () -> Date

    @Sendable func create(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.createSubscription, principal)
        var fields = try await BodyFields(request, context)
        let name = fields.text("name", 1...100)
        let scope = fields.choice("scope", of: SubscriptionScope.allCases)
        let types = fields.patterns("types")
        let delivery = fields.choice("delivery", of: SubscriptionDelivery.allCases)
        let url = delivery == .webhook ? fields.webhookURL("url", webhookAddresses) : nil
        if delivery == .queue, fields.has("url") { fields.validation.fail("url", .onlyForWebhooks) }
        let (wantedScope, wantedDelivery) = (
            try fields.validation.checked(scope), try fields.validation.checked(delivery)
        )
        if wantedScope == .all { try Authorization.require(.subscribeToEverything, principal) }
        let (answered, made) = try await manageSubscriptions.create(
            .init(name: name, scope: wantedScope, types: types, delivery: wantedDelivery, url: url), by: principal,
            once: try context.idempotentRequest(request, body: fields.bytes)
        ) { try .json(shown($0, principal), status: .created, location: "/api/v1/subscriptions/\($0.id)") }
        guard let (subscription, credentials) = made else { return Response(answered) }
        return try .json(
            shown(subscription, principal, credentials), status: .created,
            headers: [.location: "/api/v1/subscriptions/\(subscription.id)"])
    }

    @Sendable func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.manageSubscription, principal, Relation(nil, isSubject: true))
        return try await context.page(.subscriptions, of: QueryFields(request), { shown($0, principal) }) {
            try await stores.subscriptions.list(of: principal.userID, after: $0, limit: $1)
        }
    }

    @Sendable func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        let id = try context.id(of: SubscriptionSubject.self)
        guard let found = try await stores.subscriptions.find(id, of: principal.userID) else {
            throw DomainError.notFound
        }
        return try .json(shown(found, principal))
    }

    @Sendable func edit(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        let id = try context.id(of: SubscriptionSubject.self)
        guard let found = try await stores.subscriptions.find(id, of: principal.userID) else {
            throw DomainError.notFound
        }
        var fields = try await BodyFields(request, context)
        let change = ManageSubscriptions.Edit(
            name: fields.has("name") ? fields.text("name", 1...100) : nil,
            types: fields.has("types") ? fields.patterns("types") : nil,
            url: fields.has("url") ? fields.webhookURL("url", webhookAddresses) : nil,
            status: fields.optionalChoice("status", of: [.active, .paused]))
        if found.delivery == .queue, change.url != nil { fields.validation.fail("url", .onlyForWebhooks) }
        try fields.validation.check()
        return try .json(shown(try await manageSubscriptions.edit(id, change, by: principal), principal))
    }

    @Sendable func remove(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try await manageSubscriptions.remove(try context.id(of: SubscriptionSubject.self), by: principal)
        return Response(status: .noContent)
    }

    @Sendable func renew(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        let (answered, subscription, credentials) = try await manageSubscriptions.renew(
            try context.id(of: SubscriptionSubject.self), by: principal,
            once: try context.idempotentRequest(request, body: [])
        ) { try .json(shown($0, principal)) }
        guard let credentials else { return Response(answered) }
        return try .json(
            shown(subscription, principal, credentials),
            headers: answered.isReplay ? [.idempotencyReplayed: "true"] : [:])
    }

    @Sendable func replay(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        let id = try context.id(of: SubscriptionSubject.self)
        var fields = try await BodyFields(request, context)
        let event = fields.id("eventId", of: EventSubject.self)
        let after = fields.sequence("after")
        let limit = fields.has("limit") ? fields.int("limit") ?? 0 : 100
        if !(1...500).contains(limit) { fields.validation.fail("limit", .outOfRange(1...500)) }
        do {
            let answered = try await replayMessages.perform(
                .init(event: try fields.validation.checked(event), after: after, limit: limit), into: id, by: principal,
                once: try context.idempotentRequest(request, body: fields.bytes)
            ) { try .json(ReplayJSON(replayed: $0, nextCursor: $1.map { String($0) })) }
            return Response(answered)
        } catch let gone as EventLogStore.Pruned {
            throw APIProblem.messagesPruned(oldest: gone.oldest)
        }
    }

    private struct ReplayJSON: Encodable {
        var replayed: Int
        @Nullable var nextCursor: String?
    }

    private func shown(
        _ subscription: Subscription, _ principal: Principal, _ credentials: SubscriptionCredentials? = nil
    ) -> SubscriptionJSON {
        SubscriptionJSON(subscription, role: principal.role, now: clock(), credentials, publicBroker)
    }
}

extension BodyFields {
    fileprivate mutating func id<Subject>(_ name: String, of subject: Subject.Type) -> Identifier<Subject>? {
        let mistakes = validation.errors.count
        if let id = rawText(name).flatMap({ Identifier<Subject>($0) }) { return id }
        if validation.errors.count == mistakes { validation.fail(name, .notAUUID) }
        return nil
    }

    /// The number of a message within its event, as in messages; 0, before the first, if absent.
    fileprivate mutating func sequence(_ name: String) -> Int {
        let mistakes = validation.errors.count
        guard let text = rawText(name) else { return 0 }
        if let number = Int(text), number >= 0, number < .max { return number }
        if validation.errors.count == mistakes { validation.fail(name, .notASequence) }
        return 0
    }

    /// 1 to 20 types or families of messages, each once.
    fileprivate mutating func patterns(_ name: String) -> [MessagePattern] {
        let texts = texts(name, 1...20)
        let patterns = texts.compactMap(MessagePattern.init)
        if patterns.count < texts.count {
            validation.fail(name, .notAMessageType)
        }
        var seen: Set<MessagePattern> = []
        return patterns.filter { seen.insert($0).inserted }
    }

    fileprivate mutating func webhookURL(_ name: String, _ rule: AddressRule) -> String? {
        let mistakes = validation.errors.count
        guard let text = rawText(name) else {
            if validation.errors.count == mistakes { validation.fail(name, .required) }
            return nil
        }
        do {
            return try WebhookURL(text, rule: rule).text
        } catch {
            validation.fail(name, error.violation)
            return nil
        }
    }
}
