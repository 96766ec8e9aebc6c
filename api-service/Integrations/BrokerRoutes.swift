import Crypto
import Domain
import FoundationEssentials
import Hummingbird
import Messaging
import Persistence

/// The authorization backend for RabbitMQ, for users it doesn't know itself: the consumers of subscription queues,
/// `em-sub-<id>`. Each can read its own queue and nothing else; a deleted or disabled subscription admits no one, from
/// that moment.
///
/// For the broker only: nginx doesn't forward these paths, and each request carries a secret shared with the broker
/// (`?secret=…`, by its plugin em_readers), because otherwise it could be used to guess passwords at full speed. The
/// requests are those of rabbitmq_auth_backend_http
/// (https://github.com/rabbitmq/rabbitmq-server/tree/main/deps/rabbitmq_auth_backend_http): a form, answered by the
/// word `allow` or `deny`.
struct BrokerRoutes: Sendable {
    static let userPrefix = "em-sub-"

    private let subscriptions: SubscriptionStore
    /// The secret's hash: comparing it leaks nothing by timing.
    private let secretHash: [UInt8]

    init(subscriptions: SubscriptionStore, secret: String) {
        self.subscriptions = subscriptions
        secretHash = Self.hash(of: secret)
    }

    static func user(of id: SubscriptionID) -> String { userPrefix + id.description }

    func add(to router: Router<APIContext>) {
        post("user", to: router) { form in
            guard let password = form.raw("password"), !password.isEmpty else { return Self.answer(false) }
            return try await answer(form, passwordHash: Self.hash(of: password))
        }
        post("vhost", to: router) { form in
            guard form.raw("vhost") == "/" else { return Self.answer(false) }
            return try await answer(form)
        }
        post("resource", to: router) { form in
            guard let id = Self.subscription(form), form.raw("resource") == "queue",
                form.raw("name") == SubscriptionQueues.name(of: id), form.raw("permission") == "read"
            else { return Self.answer(false) }
            return try await answer(form)
        }
        // Publishing and binding to topic exchanges; the permissions above refuse both already.
        post("topic", to: router) { _ in Self.answer(false) }
    }

    private func post(
        _ question: RouterPath, to router: Router<APIContext>,
        answer: @escaping @Sendable (QueryFields) async throws -> Response
    ) {
        router.group("/broker").post(question) { request, _ in
            guard let secret = QueryFields(request).raw("secret"), Self.hash(of: secret) == secretHash else {
                return Response(status: .notFound)
            }
            return try await answer(try await Self.form(request))
        }
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
