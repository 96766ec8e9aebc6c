import Access
import Crypto
import Domain
import Persistence
import Synchronization

/// The public keys of ticket-worker, by the key id in tickets.
struct TicketKeys: Sendable {
    let keySet: KeySet
    private let byID: [[UInt8]: [UInt8]]

    init(_ keySet: KeySet) {
        self.keySet = keySet
        byID = Dictionary(
            keySet.keys.map { ($0.shortID, $0.rawKey) }, uniquingKeysWith: { first, _ in first })
    }

    /// Whether a code was signed with a key that is not among these.
    func lacksKey(of code: String) -> Bool {
        TicketToken.parse(code).map { byID[$0.token.keyID] == nil } ?? false
    }

    /// Parses what was presented at a gate of this event: a ticket's signed text, or its typed code.
    func read(_ code: String, at event: EventID) -> CheckInStore.Presented {
        if let (token, signature) = TicketToken.parse(code) {
            guard verify(token, signature) else { return .refused(.unknown) }
            // Signed by us, for another event.
            return token.eventID == event ? .ticket(token.ticketID) : .refused(.wrongEvent)
        }
        return TicketCode(typed: code).map { .code($0.description) } ?? .refused(.unknown)
    }

    func verify(_ token: TicketToken, _ signature: [UInt8]) -> Bool {
        guard let raw = byID[token.keyID] else { return false }
        do {
            let key = try Curve25519.Signing.PublicKey(rawRepresentation: raw)
            return key.isValidSignature(signature, for: token.signedBytes)
        } catch {
            return false  // the set was checked when it was read
        }
    }
}

/// The ticket keys in the database, reloaded periodically, and at once for a ticket with an unknown key.
final class TicketKeyring: Sendable {
    private struct State {
        var keys = TicketKeys(KeySet([]))
        var readAt: ContinuousClock.Instant?
    }

    /// How long a retired key is accepted.
    private static let maximumAge = Duration.seconds(10)
    /// Limits the database queries that forged tickets can cause.
    private static let minimumAge = Duration.seconds(1)

    private let store: TicketKeyStore
    /// Trusted in addition to those in the database.
    private let given: KeySet?
    private let state = Mutex(State())

    init(_ store: TicketKeyStore, given: KeySet?) {
        self.store = store
        self.given = given
    }

    /// - Parameter codes: to be parsed with the keys.
    func keys(for codes: [String] = []) async throws -> TicketKeys {
        let (keys, readAt) = state.withLock { ($0.keys, $0.readAt) }
        if let readAt {
            let age = ContinuousClock.now - readAt
            if age < Self.minimumAge { return keys }
            if age < Self.maximumAge, !codes.contains(where: keys.lacksKey) { return keys }
        }
        return try await read()
    }

    private func read() async throws -> TicketKeys {
        let now = ContinuousClock.now
        let stored = try await store.list()
        let retired = Set(stored.filter { $0.retiredAt != nil }.map(\.rawKey))
        let published = try stored.filter { $0.retiredAt == nil }.map {
            VerificationKey(try Curve25519.Signing.PublicKey(rawRepresentation: $0.rawKey))
        }
        let known = Set(published)
        let more = (given?.keys ?? []).filter { !known.contains($0) && !retired.contains($0.rawKey) }
        let keys = TicketKeys(KeySet(published + more))
        state.withLock { state in
            if state.readAt.map({ $0 < now }) ?? true { (state.keys, state.readAt) = (keys, now) }
        }
        return keys
    }
}
