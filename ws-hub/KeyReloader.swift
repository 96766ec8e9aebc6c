import Access
import Bootstrap
import Logging

/// Follows the file of the public keys, so that a change of keys needs no restart (`api-service keys rotate`).
struct KeyReloader {
    /// Nil for keys that came as a value, which can't change.
    let file: String?
    let verifier: AccessTokenVerifier
    let logger: Logger

    var service: PeriodicService {
        PeriodicService("KeyReloader", every: FollowedFile.interval) { await follow() }
    }

    private func follow() async {
        guard let file else { return }
        do {
            if let text = await FollowedFile(file).text() { try await verifier.follow(KeySet(json: text)) }
        } catch {
            // What can't be used changes nothing: a file that is being written, or a mistake.
            logger.warning("changed access token keys can't be used", metadata: ["error": "\(error)"])
        }
    }
}
