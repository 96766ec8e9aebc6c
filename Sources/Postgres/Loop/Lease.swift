/// The right to use one connection, until it is released.
struct Lease: Sendable, Hashable {
    let connection: UInt64
    /// Another one each time the connection is handed out, so that an old lease is worth nothing.
    let number: UInt64
}
