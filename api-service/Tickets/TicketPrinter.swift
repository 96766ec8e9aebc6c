import Domain
import Logging
import NIOPosix
import Persistence
import ServiceLifecycle
import Synchronization

/// Makes printed tickets on first demand, and keeps them.
///
/// Here and not in a worker, because whoever opens a ticket waits for it, and every format answers at once; on a thread of
/// its own, because setting a page takes milliseconds and blocks. One thread: a core sets some hundred pages a second, and
/// each thread would load the fonts again. Beyond ``maximumWaiting`` nobody waits: 503 with Retry-After.
final class TicketPrinter: Service {
    /// A second's work, about.
    static let maximumWaiting = 200

    private let store: TicketDocumentStore
    private let threads = NIOThreadPool(numberOfThreads: 1)
    private let waiting = Atomic<Int>(0)

    init(store: TicketDocumentStore) { self.store = store }

    /// The document of a ticket, as it was kept or made now.
    func document(_ page: TicketPage, fingerprint: [UInt8]) async throws -> [UInt8] {
        let id = page.ticket.ticketID
        if let kept = try await store.find(id, fingerprint: fingerprint) { return kept }
        let before = waiting.add(1, ordering: .relaxed).oldValue
        defer { waiting.subtract(1, ordering: .relaxed) }
        guard before < Self.maximumWaiting else { throw APIProblem.unavailable() }
        let made = try await threads.runIfActive { try page.document() }
        try await store.keep(made, of: id, fingerprint: fingerprint)
        return made
    }

    func run() async throws {
        threads.start()
        do { try await gracefulShutdown() } catch {}  // cancelled: stop all the same
        try await threads.shutdownGracefully()
    }
}
