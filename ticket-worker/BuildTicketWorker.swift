import Access
import Bootstrap
import Domain
import Logging
import Messaging
import Persistence
import Postgres
import ServiceLifecycle

/// The wiring of ticket-worker: read this first.
struct TicketWorker: Sendable {
    let health: HealthEndpoint
    /// In dependency order; the last is stopped first.
    let services: [any Service]
}

/// Wires everything. The one queue:
///
/// | queue | message | handler |
/// |---|---|---|
/// | ticket-worker.issue | em.registration.confirmed, em.registration.promoted, ticket.issue | ``IssueTicket`` |
func buildTicketWorker(
    _ settings: TicketWorkerSettings, metrics: PrometheusRegistry, logger: Logger
) -> TicketWorker {
    let database = Database(settings.database, logger: logger)
    let issueTicket = IssueTicket(database: database, signer: TicketSigner(key: settings.ticketKey))
    let publication = TicketKeyPublication(
        store: TicketKeyStore(database), key: settings.ticketKey.verificationKey, logger: logger)
    // Waiting messages are handled many at a time: a commit costs more than a ticket. Few concurrent transactions, so
    // that batches are large.
    let worker = MessageWorker(
        .ticketIssue, broker: settings.broker, topology: .declaredByTheRelay, suspects: SuspectStore(database),
        prefetch: 512, concurrency: 4, logger: logger,
        batch: .init(atMost: 128) { messages in
            try await publication.ensure()
            return try await issueTicket.handleTogether(messages)
        }
    ) { message in
        try await publication.ensure()
        try await issueTicket.handle(message)
        return .ack
    }
    let health = HealthEndpoint(
        metrics: metrics,
        checks: [
            ReadinessCheck("postgres") { _ = try await database.read("SELECT 1") },
            ReadinessCheck("ticket-key") { try await publication.ensure() },
            ReadinessCheck("rabbitmq") { if !worker.isConnected { throw NotConnected() } },
        ])
    return TicketWorker(
        health: health,
        services: [
            DatabaseService(database, metrics: metrics),
            HealthServer(health, settings: settings.common, logger: logger), publication, worker,
        ])
}

private struct NotConnected: Error {}
