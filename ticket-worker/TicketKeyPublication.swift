import Access
import Domain
import FoundationEssentials
import Logging
import Persistence
import Postgres
import ServiceLifecycle

/// A service that publishes this worker's public key: before the first ticket is signed with it, and at startup, so
/// that gates have it early.
actor TicketKeyPublication: Service {
    private let store: TicketKeyStore
    private let key: VerificationKey
    private let logger: Logger
    private var isPublished = false

    init(store: TicketKeyStore, key: VerificationKey, logger: Logger) {
        self.store = store
        self.key = key
        self.logger = logger
    }

    /// Publishes the key, once.
    /// - Throws: ``TicketKeyStore/Unusable``, `PostgresError`.
    func ensure() async throws {
        guard !isPublished else { return }
        let id = Hexadecimal.encode(key.shortID)
        try await store.publish(id, key.rawKey)
        guard !isPublished else { return }
        isPublished = true
        logger.info("ticket key published", metadata: ["key_id": "\(id)"])
    }

    /// Retries until it is done. An unusable key stops the service: tickets signed with it would be refused.
    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await self.publish() }
        } catch is CancellationError {
            return
        }
        do { try await gracefulShutdown() } catch {}  // canceled: same
    }

    private func publish() async throws {
        while true {
            do {
                return try await ensure()
            } catch let error as PostgresError {
                logger.warning("ticket key not published yet", metadata: ["error": "\(error)"])
                try await Task.sleep(for: .seconds(1))
            }
        }
    }
}
