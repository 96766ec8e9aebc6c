import Access
import AMQP
import Bootstrap
import Domain
import Postgres
import Redis
import Webhooks

/// Everything that api-service is told by its environment.
struct APISettings: Sendable {
    var common: CommonSettings
    var database: DatabaseSettings
    var broker: BrokerAddress
    /// Where programs outside find the broker.
    var publicBroker: String
    /// By which the broker is known when it asks about readers; without one it is told nothing, and lets none in.
    var brokerSecret: String?
    var redis: RedisAddress
    /// Signs access tokens.
    var accessTokenKey: SigningKey
    /// All public keys that verify them, during a change of keys; nil for the one that signs.
    var accessKeySet: KeySet?
    /// Where the two come from, to be followed.
    var keyFiles = KeyFiles()
    /// Verify tickets beside the keys that ticket-workers have published.
    var ticketKeys: KeySet?
    /// Whether people have to confirm their address before they can sign in and register.
    var requiresVerifiedEmail: Bool
    /// Whose forwarded headers count.
    var trustedProxies: TrustedProxies
    /// What the secrets of webhooks are derived from.
    var webhookKey: WebhookKey
    /// Where webhooks may go.
    var webhookAddresses = AddressRule()
    /// Whose pages may use the API beside our own: `EM_CORS_ORIGINS`.
    var crossOrigins: Set<String> = []

    /// How long rows are kept that only the past needs.
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

    /// For the subcommands that need a database and nothing else.
    static func databaseSettings(_ name: String, _ reader: inout SettingsReader) -> Setting<DatabaseSettings> {
        reader.url(name) { url in
            var settings = try DatabaseSettings(url: url)
            settings.applicationName = Build.signature(of: "api-service")
            // A crowd stands in line rather than being sent away; still shorter than the proxy's timeout (30 s).
            settings.acquireTimeout = .seconds(20)
            // Seven for the registration batcher, the rest for everything else.
            settings.maximumTransactions = 16
            // Reads stand in line behind each other: one organizer's long list must not hold up everybody's, readiness
            // included.
            settings.readConnections = 3
            return settings
        }
    }
}

/// How long rows are kept that only the past needs, in seconds.
struct Retention: Sendable {
    /// Published messages, the log of what happened, and the single attempts at mails: `EM_EVENT_LOG_DAYS`.
    var eventLog = 90.0 * 86_400
    /// Jobs and live updates that are done: long enough for an operator to look at them.
    var doneMessages = 86_400.0
    /// Which messages were handled: longer than any message is under way or parked unseen.
    var inbox = 30.0 * 86_400
    /// What may have killed a worker: it came back within minutes, or never.
    var suspects = 86_400.0
    /// Sign-ins that are over: longer than an access token of theirs lives.
    var endedSessions = 7.0 * 86_400
    /// Old and new addresses: as long as the mails about them may take.
    var emailChanges = 30.0 * 86_400
    /// What webhooks were owed, or as long as the event log if that is shorter: then there is nothing left to send.
    var webhookDeliveries = 30.0 * 86_400
    /// A mail is rarely looked at again after that.
    var unsubscribeLinks = 366.0 * 86_400
    /// Printed tickets: they are made again when somebody asks.
    var ticketDocuments = 30.0 * 86_400
}
