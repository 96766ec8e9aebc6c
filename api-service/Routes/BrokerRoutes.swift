import Crypto
import Domain
import FoundationEssentials
import Hummingbird
import Messaging
import Persistence

/// What RabbitMQ asks about users whom it doesn't know itself: the readers of subscriptions' queues, `em-sub-<id>`. Each may
/// read its own queue and nothing else; a subscription that is gone or disabled lets nobody in, from that moment.
///
/// For the inside, as `/metrics`: nginx doesn't pass these paths on. The requests are those of rabbitmq_auth_backend_http
/// (https://github.com/rabbitmq/rabbitmq-server/tree/main/deps/rabbitmq_auth_backend_http): a form, answered by the word
/// `allow` or `deny`.
struct BrokerRoutes: Sendable {
    static let userPrefix = "em-sub-"

    let subscriptions: SubscriptionStore

    static func user(of id: SubscriptionID) -> String { userPrefix + id.description }

    func add(to router: Router<APIContext>) {
        router.post("/broker/user") { request, _ in
            let form = try await Self.form(request)
            guard let password = form.raw("password"), !password.isEmpty else { return Self.answer(false) }
            return try await answer(form, passwordHash: Self.hash(of: password))
        }
        router.post("/broker/vhost") { request, _ in
            let form = try await Self.form(request)
            guard form.raw("vhost") == "/" else { return Self.answer(false) }
            return try await answer(form)
        }
        router.post("/broker/resource") { request, _ in
            let form = try await Self.form(request)
            guard let id = Self.subscription(form), form.raw("resource") == "queue",
                form.raw("name") == SubscriptionQueues.name(of: id), form.raw("permission") == "read"
            else { return Self.answer(false) }
            return try await answer(form)
        }
        // Publishing and binding to topic exchanges; the rights above refuse both already.
        router.post("/broker/topic") { _, _ in Self.answer(false) }
    }

    private func answer(_ form: QueryFields, passwordHash: [UInt8]? = nil) async throws -> Response {
        guard let id = Self.subscription(form) else { return Self.answer(false) }
        return Self.answer(try await subscriptions.admits(id, passwordHash: passwordHash))
    }

    private static func answer(_ isAllowed: Bool) -> Response {
        .text(isAllowed ? "allow" : "deny", type: "text/plain")
    }

    private static func form(_ request: Request) async throws -> QueryFields {
        let body = try await request.body.collect(upTo: 8192)
        return QueryFields(String(buffer: body))
    }

    private static func subscription(_ form: QueryFields) -> SubscriptionID? {
        guard let user = form.raw("username"), user.hasPrefix(userPrefix) else { return nil }
        return SubscriptionID(user.dropFirst(userPrefix.count))
    }

    static func hash(of password: String) -> [UInt8] { Array(SHA256.hash(data: Array(password.utf8))) }
}
