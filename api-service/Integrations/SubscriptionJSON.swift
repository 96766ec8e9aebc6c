import Domain
import FoundationEssentials
import Messaging
import Persistence
import Webhooks

/// A subscription as its owner sees it.
struct SubscriptionJSON: Encodable {
    struct Broker: Encodable {
        /// As in EM_AMQP_PUBLIC_URL.
        var url: String
        var virtualHost = "/"
        var queue: String
        var username: String
        var password: String
    }

    var id: SubscriptionID
    var name: String
    var scope: SubscriptionScope
    var types: [String]
    var delivery: SubscriptionDelivery
    @Nullable var url: String?
    var status: SubscriptionStatus
    @Nullable var statusReason: String?
    @Nullable var statusReasonCode: SubscriptionStatusReason?
    @Nullable var failingSince: Date?
    var createdAt: Date
    @Nullable var queue: String?
    @Nullable var username: String?
    @Nullable var secretRotatesUntil: Date?
    @Nullable var lastDeliveryAt: Date?
    // Omitted except when new.
    var amqp: Broker?
    var secret: String?
    var publicKey: String?

    init(
        _ subscription: Subscription, role: Role, now: Date, _ credentials: SubscriptionCredentials?,
        _ brokerURL: String
    ) {
        id = subscription.id
        name = subscription.name
        scope = subscription.scope
        types = subscription.types.map(\.description)
        delivery = subscription.delivery
        url = subscription.url
        // The owner was an admin and no longer is: nothing is delivered as long as that is so.
        let isBarred = subscription.scope == .all && role != .admin
        status = isBarred ? .disabled : subscription.status
        let reason = isBarred ? .adminsOnly : subscription.statusReason
        statusReason = reason.map { Self.sentence($0, subscription.failingSince) }
        statusReasonCode = reason
        failingSince = subscription.failingSince
        createdAt = subscription.createdAt
        let isQueue = subscription.delivery == .queue
        queue = isQueue ? SubscriptionQueues.name(of: subscription.id) : nil
        username = isQueue ? BrokerRoutes.user(of: subscription.id) : nil
        secretRotatesUntil = subscription.rotatedAt.map { $0 + WebhookSecrets.overlap }.flatMap { $0 > now ? $0 : nil }
        lastDeliveryAt = subscription.lastDeliveryAt
        switch credentials {
        case .queue(let password):
            amqp = Broker(
                url: brokerURL, queue: queue ?? "", username: username ?? "", password: password.text)
        case .webhook(let made):
            secret = made.secret
            publicKey = made.publicKey
        case nil: break
        }
    }

    private static func sentence(_ reason: SubscriptionStatusReason, _ failingSince: Date?) -> String {
        switch reason {
        case .receiverGone: "The receiver answered 410 Gone."
        case .nothingDelivered:
            failingSince.map { "Nothing has been delivered since \(Timestamp.text($0))." }
                ?? "Nothing could be delivered."
        case .accountLocked: "The account was locked."
        case .adminsOnly: "Only administrators can subscribe to all events."
        }
    }
}
