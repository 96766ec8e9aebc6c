import Access
import Domain
import FoundationEssentials
import Logging
import Persistence
import Postgres
import ServiceLifecycle

/// Makes the public half of this worker's key known: before the first ticket is signed with it, and at the start, so that
/// gates have it early.
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

    /// Publishes unless that was done before.
    /// - Throws: ``TicketKeyStore/Unusable``, `PostgresError`.
    func ensure() async throws {
        guard !isPublished else { return }
        let id = Hexadecimal.encode(key.shortID)
        try await store.publish(id, key.rawKey)
        guard !isPublished else { return }
        isPublished = true
        logger.info("ticket key published", metadata: ["key_id": "\(id)"])
    }

    /// Tries until it is done. A key that can't be used ends the service: tickets signed with it would be refused.
    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await self.publish() }
        } catch is CancellationError {
            return
        }
        do { try await gracefulShutdown() } catch {}  // cancelled: as good
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
