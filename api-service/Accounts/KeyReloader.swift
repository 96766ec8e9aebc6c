import Access
import Bootstrap
import Logging

/// The files of the access token keys; nil for keys given as values, which can't change.
struct KeyFiles: Sendable {
    var signing: String?
    var published: String?
}

/// A periodic service that reloads the key files, so that key rotation (`api-service keys rotate`) needs no restart.
struct KeyReloader {
    let files: KeyFiles
    let keys: AccessKeys
    let verifier: AccessTokenVerifier
    let logger: Logger

    var service: PeriodicService {
        PeriodicService("KeyReloader", every: FollowedFile.interval) { await follow() }
    }

    /// Reloads the files. Invalid ones change nothing: a file may be half-written, or a mistake.
    private func follow() async {
        do {
            let published = try await text(files.published).map { try KeySet(json: $0) } ?? keys.set
            let signing = try await text(files.signing).map { try SigningKey(seed: $0) } ?? keys.signing
            guard keys.replace(signing: signing, published: published) else { return }
            try await verifier.follow(keys.set)
            logger.info(
                "access token keys reloaded",
                metadata: [
                    "signing": "\(signing.verificationKey.id)", "count": .stringConvertible(keys.set.keys.count),
                ])
        } catch {
            logger.warning("changed access token keys rejected", metadata: ["error": "\(error)"])
        }
    }

    private func text(_ path: String?) async -> String? {
        guard let path else { return nil }
        return await FollowedFile(path).text()
    }
}
