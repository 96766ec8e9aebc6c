import Access
import AMQP
import Bootstrap
import Domain
import Postgres
import Redis
import Webhooks

struct APISettings: Sendable {
    var common: CommonSettings
    var database: DatabaseSettings
    var broker: BrokerAddress
    /// The broker's public address, for integrators.
    var publicBroker: String
    /// The secret with which the broker authenticates when it asks about consumers; without one, all of them are
    /// refused.
    var brokerSecret: String?
    var redis: RedisAddress
    var accessTokenKey: SigningKey
    /// All public keys that verify access tokens, during a rotation; nil for the one that signs.
    var accessKeySet: KeySet?
    /// The files of both, to be reloaded.
    var keyFiles = KeyFiles()
    /// Ticket keys in addition to those that ticket-workers have published.
    var ticketKeys: KeySet?
    /// Whether people have to confirm their email before they can sign in and register.
    var requiresVerifiedEmail: Bool
    /// The proxies whose forwarded headers are trusted.
    var trustedProxies: TrustedProxies
    /// The key from which webhook secrets are derived.
    var webhookKey: WebhookKey
    /// The allowed destinations of webhooks.
    var webhookAddresses = AddressRule()
    /// Origins whose pages can use the API besides our own: `EM_CORS_ORIGINS`.
    var crossOrigins: Set<String> = []

    /// How long historical rows are kept.
    var retention = Retention()

    /// - Throws: ``SettingsError`` with every problem.
    static func read(_ reader: inout SettingsReader) throws(SettingsError) -> APISettings {
        let common = CommonSettings.read(&reader)
        let database = databaseSettings("EM_DATABASE_URL", &reader)
        let broker = reader.url("EM_AMQP_URL") { try BrokerAddress(url: $0) }
        let publicBroker = reader.optional("EM_AMQP_PUBLIC_URL") { try PublicBroker.url($0) }
        let brokerSecret = reader.optional("EM_BROKER_SECRET", secret: true) { text in
            guard text.utf8.count >= 32 else { throw Problem("must have 32 characters or more") }
            return text
        }
        let redis = reader.url("EM_REDIS_URL") { try RedisAddress(url: $0) }
        let accessTokenKey = reader.value("EM_ACCESS_TOKEN_KEY", secret: true) { try SigningKey(seed: $0) }
        let accessKeySet = reader.optional("EM_ACCESS_TOKEN_PUBLIC_KEYS") { try KeySet(json: $0) }
        let keyFiles = KeyFiles(
            signing: reader.file("EM_ACCESS_TOKEN_KEY"), published: reader.file("EM_ACCESS_TOKEN_PUBLIC_KEYS"))
        let ticketKeys = reader.optional("EM_TICKET_PUBLIC_KEYS") { try KeySet(json: $0) }
        let requiresVerifiedEmail = reader.bool("EM_REQUIRE_VERIFIED_EMAIL", default: !reader.isDemo)
        let proxies = reader.value("EM_TRUSTED_PROXIES", default: TrustedProxies.loopback) { try TrustedProxies($0) }
        let crossOrigins = reader.value("EM_CORS_ORIGINS", default: []) { try CrossOrigin.origins($0) }
        let webhookKey = reader.value("EM_WEBHOOK_KEY", secret: true) { try WebhookKey($0) }
        let webhookAddresses = reader.value("EM_WEBHOOK_ALLOWED_ADDRESSES", default: []) { try AddressRange.ranges($0) }
        let eventLogDays = reader.int("EM_EVENT_LOG_DAYS", default: 90, in: 1...36_500)
        try reader.finish()
        return APISettings(
            common: common.value, database: database.value, broker: broker.value,
            publicBroker: publicBroker.value ?? PublicBroker.url(of: broker.value), brokerSecret: brokerSecret.value,
            redis: redis.value,
            accessTokenKey: accessTokenKey.value, accessKeySet: accessKeySet.value, keyFiles: keyFiles,
            ticketKeys: ticketKeys.value,
            requiresVerifiedEmail: requiresVerifiedEmail.value, trustedProxies: proxies.value,
            webhookKey: webhookKey.value, webhookAddresses: AddressRule(allowed: webhookAddresses.value),
            crossOrigins: crossOrigins.value,
            retention: Retention(eventLog: Double(eventLogDays.value) * 86_400))
    }

    /// For subcommands that need only a database.
    static func databaseSettings(_ name: String, _ reader: inout SettingsReader) -> Setting<DatabaseSettings> {
        reader.url(name) { url in
            var settings = try DatabaseSettings(url: url)
            settings.applicationName = Build.signature(of: "api-service")
            // In a rush, requests wait rather than fail; still shorter than the proxy's timeout (30 s).
            settings.acquireTimeout = .seconds(20)
            // Seven for the registration batcher, the rest for everything else.
            settings.maximumTransactions = 16
            // Reads on one connection queue behind each other: one organizer's long list must not delay everyone else,
            // including readiness checks.
            settings.readConnections = 3
            return settings
        }
    }
}

/// How long historical rows are kept, in seconds.
struct Retention: Sendable {
    /// Published messages (the event log), and individual email attempts: `EM_EVENT_LOG_DAYS`.
    var eventLog = 90.0 * 86_400
    /// Finished jobs and live updates: long enough for an operator to inspect them.
    var doneMessages = 86_400.0
    /// Inbox rows: longer than any message is in flight or parked unnoticed.
    var inbox = 30.0 * 86_400
    /// Suspects of having killed a worker: they return within minutes, or never.
    var suspects = 86_400.0
    /// Ended sessions: longer than the lifetime of their access tokens.
    var endedSessions = 7.0 * 86_400
    /// Old and new addresses: as long as the emails about the change may take.
    var emailChanges = 30.0 * 86_400
    /// Webhook deliveries; as long as the event log if that is shorter, because nothing is left to send then.
    var webhookDeliveries = 30.0 * 86_400
    /// An email is rarely opened after that.
    var unsubscribeLinks = 366.0 * 86_400
    /// Printable tickets: they are regenerated on request.
    var ticketDocuments = 30.0 * 86_400
}
