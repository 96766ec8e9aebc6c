import Crypto
import Domain
import Synchronization

/// A cache of recently verified tokens, by their SHA-256, so that a frequent caller's signature is checked once.
///
/// Only the immutable claims are cached; their times are checked at every use. Bounded: two generations; when the
/// younger is full, the older is dropped.
final class VerifiedTokens: Sendable {
    private struct State {
        var young: [SHA256.Digest: AccessClaims] = [:]
        var old: [SHA256.Digest: AccessClaims] = [:]
    }

    private let generation: Int
    private let state = Mutex(State())

    /// - Parameter generation: tokens per generation; about 200 bytes each.
    init(generation: Int = 16_384) { self.generation = generation }

    func claims(of digest: SHA256.Digest) -> AccessClaims? {
        state.withLock { state in
            if let claims = state.young[digest] { return claims }
            guard let claims = state.old[digest] else { return nil }
            insert(claims, digest, &state)
            return claims
        }
    }

    func insert(_ claims: AccessClaims, for digest: SHA256.Digest) {
        state.withLock { insert(claims, digest, &$0) }
    }

    private func insert(_ claims: AccessClaims, _ digest: SHA256.Digest, _ state: inout State) {
        if state.young.count >= generation {
            state.old = state.young
            state.young = [:]
        }
        state.young[digest] = claims
    }
}
