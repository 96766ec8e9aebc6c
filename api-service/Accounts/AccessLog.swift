import Domain
import FoundationEssentials
import Logging
import Persistence
import Postgres
import Synchronization

/// The record of sign-ins and refusals with their origin: in the audit log and in the service's own log.
///
/// Addresses are kept for ``retention``. Repeated events of one person at one place are one entry per ten minutes, so
/// that no one can fill the log.
final class AccessLog: Sendable {
    /// In seconds; as long as nginx's access log.
    static let retention: TimeInterval = 30 * 86_400

    private let stores: Stores
    private let clock: @Sendable () -> Date
    private let logger: Logger
    private let lately = Mutex<[String: Date]>([:])

    private static let interval: TimeInterval = 600
    private static let capacity = 10_000

    init(_ stores: Stores, clock: @escaping @Sendable () -> Date, logger: Logger) {
        self.stores = stores
        self.clock = clock
        self.logger = logger
    }

    /// Records a sign-in, together with the session.
    func signedIn(_ user: UserID, from origin: RequestOrigin, on transaction: Transaction) async throws {
        note("access.signed-in", "signed in", user, origin, about: [:])
        try await stores.audit.record(
            "access.signed-in", by: user, subject: user.uuid, content(origin, about: [:]),
            until: clock() + Self.retention, on: transaction)
    }

    /// Records a wrong secret. For an address without an account, only the origin is recorded.
    /// - Parameter email: as typed.
    func signInFailed(_ email: String, from origin: RequestOrigin) async {
        await record("access.sign-in-failed", "sign-in failed", origin, about: [:]) { [stores] in
            try await stores.users.find(email: email.lowercased())?.id
        }
    }

    /// Records a throttled attempt.
    /// - Parameter email: whose limit it is; nil for the network's.
    func throttled(_ rule: String, _ email: String?, from origin: RequestOrigin) async {
        guard isFirst("throttled \(rule) \(email ?? "") \(origin.network)") else { return }
        await record("access.throttled", "throttled", origin, about: ["limit": rule]) { [stores] in
            guard let email else { return nil }
            return try await stores.users.find(email: email.lowercased())?.id
        }
    }

    /// Records a refused request of a signed-in person.
    func refused(_ user: UserID, _ route: String, from origin: RequestOrigin) async {
        guard isFirst("refused \(user) \(route)") else { return }
        await record("access.refused", "refused", origin, about: ["route": route]) { user }
    }

    /// Records the first use of an API key from a network.
    func usedElsewhere(_ key: APIKeyID, of user: UserID, from origin: RequestOrigin) async {
        await record("access.key-from-new-network", "key used from a new network", origin, about: ["key": "\(key)"]) {
            user
        }
    }

    private func record(
        _ action: String, _ line: Logger.Message, _ origin: RequestOrigin, about: [String: String],
        _ person: @Sendable () async throws -> UserID?
    ) async {
        do {
            let user = try await person()
            note(action, line, user, origin, about: about)
            try await stores.database.transaction { transaction in
                try await stores.audit.record(
                    action, by: user, subject: user?.uuid, content(origin, about: about),
                    until: clock() + Self.retention, on: transaction)
            }
        } catch {
            // The response doesn't wait for the record; what the audit log lacks is logged here.
            logger.warning("access not recorded", metadata: ["action": "\(action)", "error": "\(error)"])
        }
    }

    private func note(
        _ action: String, _ line: Logger.Message, _ user: UserID?, _ origin: RequestOrigin, about: [String: String]
    ) {
        var metadata = about.mapValues { Logger.MetadataValue.string($0) }
        metadata["action"] = "\(action)"
        metadata["address"] = "\(origin.address)"
        metadata["user_id"] = user.map { "\($0)" }
        logger.notice(line, metadata: metadata)
    }

    private func content(_ origin: RequestOrigin, about: [String: String]) -> AuditContent {
        AuditContent(about: about.merging(["address": origin.address]) { $1 })
    }

    private func isFirst(_ name: String) -> Bool {
        let now = clock()
        return lately.withLock { lately in
            if let at = lately[name], now.timeIntervalSince(at) < Self.interval { return false }
            if lately.count >= Self.capacity {
                lately = lately.filter { now.timeIntervalSince($0.value) < Self.interval }
                if lately.count >= Self.capacity { lately = [:] }
            }
            lately[name] = now
            return true
        }
    }
}
