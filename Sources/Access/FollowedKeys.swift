import Synchronization

/// The keys of access tokens that count at this moment. They are replaced while the service runs, by whoever watches the
/// files that they come from.
public final class AccessKeys: Sendable {
    private struct State {
        var signing: SigningKey
        var set: KeySet
    }

    private let state: Mutex<State>

    /// - Parameters:
    ///   - signing: signs from now on.
    ///   - published: all that verify; nil for the signing key alone, which always belongs to them.
    public init(signing: SigningKey, published: KeySet? = nil) {
        state = Mutex(State(signing: signing, set: Self.set(signing, published)))
    }

    public var signing: SigningKey { state.withLock { $0.signing } }

    /// The public halves, the one that signs first: for `/.well-known/jwks.json` and for verifiers.
    public var set: KeySet { state.withLock { $0.set } }

    /// Goes on with other keys; whether they are others.
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
