import Synchronization

/// The current access token keys. They are replaced while the service runs, by the reloader of their files.
public final class AccessKeys: Sendable {
    private struct State {
        var signing: SigningKey
        var set: KeySet
    }

    private let state: Mutex<State>

    /// - Parameters:
    ///   - signing: the signing key from now on.
    ///   - published: all that verify; nil for the signing key alone, which is always included.
    public init(signing: SigningKey, published: KeySet? = nil) {
        state = Mutex(State(signing: signing, set: Self.set(signing, published)))
    }

    public var signing: SigningKey { state.withLock { $0.signing } }

    /// The public keys, the signing one first: for `/.well-known/jwks.json` and for verifiers.
    public var set: KeySet { state.withLock { $0.set } }

    /// Replaces the keys; returns whether they have changed.
    public func replace(signing: SigningKey, published: KeySet?) -> Bool {
        let set = Self.set(signing, published)
        return state.withLock { state in
            let isNews = state.set != set
            state = State(signing: signing, set: set)
            return isNews
        }
    }

    private static func set(_ signing: SigningKey, _ published: KeySet?) -> KeySet {
        let own = signing.verificationKey
        return KeySet([own] + (published?.keys ?? []).filter { $0 != own })
    }
}
