import AMQP
import Bootstrap
import Domain
import Postgres
import SMTP
import Webhooks

struct NotificationsSettings: Sendable {
    var common: CommonSettings
    var database: DatabaseSettings
    var broker: BrokerAddress
    var mailServer: SMTPAddress
    var mailFrom: MailAddress
    /// Connections to the mail server, and emails in flight.
    var mailConnections: Int
    var mailLimits: DestinationLimiter.Limits
    /// The same for mailings, which have their own connections, so that no ticket waits behind an announcement.
    var bulkConnections: Int
    var bulkLimits: DestinationLimiter.Limits
    /// Emails per second that this process sends, individual and bulk together; nil for no limit.
    var mailsPerSecond: Int?

    /// The key from which webhook secrets are derived.
    var webhookKey: WebhookKey
    /// The allowed destinations of webhooks.
    var webhookAddresses: AddressRule

    init(
        common: CommonSettings, database: DatabaseSettings, broker: BrokerAddress, mailServer: SMTPAddress,
        mailFrom: MailAddress, mailConnections: Int = 8, bulkConnections: Int = 4, mailsPerSecond: Int? = nil,
        webhookKey: WebhookKey, webhookAddresses: AddressRule = AddressRule()
    ) {
        self.webhookKey = webhookKey
        self.webhookAddresses = webhookAddresses
        self.common = common
        self.database = database
        self.broker = broker
        self.mailServer = mailServer
        self.mailFrom = mailFrom
        self.mailConnections = mailConnections
        mailLimits = DestinationLimiter.Limits(connections: mailConnections)
        self.bulkConnections = bulkConnections
        bulkLimits = DestinationLimiter.Limits(connections: bulkConnections)
        self.mailsPerSecond = mailsPerSecond
        // A few for planning, including mailings and their clock. Emails and webhooks hold none while they are sent,
        // only to be claimed and settled.
        self.database.maximumTransactions = mailConnections + bulkConnections + NotificationsService.planConcurrency + 4
        self.database.applicationName = Build.signature(of: "notifications")
    }

    /// - Throws: ``SettingsError`` with every problem at once.
    init(_ reader: inout SettingsReader) throws {
        let common = CommonSettings.read(&reader)
        let database = reader.url("EM_DATABASE_URL") { try DatabaseSettings(url: $0) }
        let broker = reader.url("EM_AMQP_URL") { try BrokerAddress(url: $0) }
        let host = common.publicURL.ifUsable?.host
        let mailServer = reader.url("EM_SMTP_URL", needsPassword: false) { text in
            do {
                return try SMTPAddress(url: text, greetingAs: host)
            } catch let error as SMTPError {
                guard case .invalidAddress(let reason) = error.kind else { throw error }
                throw Problem("can't be used: \(reason)")
            }
        }
        let mailFrom = reader.value("EM_MAIL_FROM") { text in
            let address: MailAddress
            do { address = try MailAddress(text) } catch { throw Problem("must look like Name <local@domain>") }
            guard address.isUsableSender else {
                throw Problem("must name an address that mail servers take: of ASCII, at a domain such as example.com")
            }
            return address
        }
        let connections = reader.int("EM_SMTP_CONNECTIONS", default: 8, in: 1...64)
        let bulkConnections = reader.int("EM_SMTP_BULK_CONNECTIONS", default: 4, in: 1...64)
        let perSecond = reader.int("EM_SMTP_MAILS_PER_SECOND", default: 0, in: 0...10_000)
        let webhookKey = reader.value("EM_WEBHOOK_KEY", secret: true) { try WebhookKey($0) }
        let webhookAddresses = reader.value("EM_WEBHOOK_ALLOWED_ADDRESSES", default: []) { try AddressRange.ranges($0) }
        try reader.finish()
        self.init(
            common: common.value, database: database.value, broker: broker.value, mailServer: mailServer.value,
            mailFrom: mailFrom.value, mailConnections: connections.value, bulkConnections: bulkConnections.value,
            mailsPerSecond: perSecond.value == 0 ? nil : perSecond.value, webhookKey: webhookKey.value,
            webhookAddresses: AddressRule(allowed: webhookAddresses.value))
    }
}
