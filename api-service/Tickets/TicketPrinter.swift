import Domain
import Logging
import NIOPosix
import Persistence
import ServiceLifecycle
import Synchronization

/// Generates printable tickets on first request, and stores them.
///
/// Here and not in a worker, because whoever opens a ticket waits for it, and every format responds at once; on its own
/// thread, because typesetting a page takes milliseconds and blocks. One thread: a core sets some hundred pages per
/// second, and each thread would load the fonts again. Beyond ``maximumWaiting`` no one waits: 503 with Retry-After.
final class TicketPrinter: Service {
    /// About one second of work.
    static let maximumWaiting = 200

    private let store: TicketDocumentStore
    private let threads = NIOThreadPool(numberOfThreads: 1)
    private let waiting = Atomic<Int>(0)

    init(store: TicketDocumentStore) { self.store = store }

    /// The document of a ticket, stored or new.
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
        do { try await gracefulShutdown() } catch {}  // canceled: stop all the same
        try await threads.shutdownGracefully()
    }
}
