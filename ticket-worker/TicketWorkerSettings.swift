import AMQP
import Access
import Bootstrap
import Postgres

struct TicketWorkerSettings: Sendable {
    var common: CommonSettings
    var database: DatabaseSettings
    var broker: BrokerAddress
    var ticketKey: SigningKey

    /// - Throws: ``SettingsError`` with every problem.
    static func read(_ reader: inout SettingsReader) throws(SettingsError) -> TicketWorkerSettings {
        let common = CommonSettings.read(&reader)
        let database = reader.url("EM_DATABASE_URL") { url in
            var settings = try DatabaseSettings(url: url)
            settings.applicationName = Build.signature(of: "ticket-worker")
            return settings
        }
        let broker = reader.url("EM_AMQP_URL") { try BrokerAddress(url: $0) }
        let ticketKey = reader.value("EM_TICKET_KEY", secret: true) { try SigningKey(seed: $0) }
        try reader.finish()
        return TicketWorkerSettings(
            common: common.value, database: database.value, broker: broker.value, ticketKey: ticketKey.value)
    }
}
