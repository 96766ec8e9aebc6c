import Access
import Bootstrap
import Logging

/// A periodic service that reloads the file of public keys, so that key rotation (`api-service keys rotate`) needs no restart.
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
            // An invalid file changes nothing: it may be half-written, or a mistake.
            logger.warning("changed access token keys rejected", metadata: ["error": "\(error)"])
        }
    }
}
