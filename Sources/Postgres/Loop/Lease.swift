/// The right to use one connection, until it is released. The number names the connection inside the loop.
struct Lease: Sendable, Hashable {
    let id: UInt64
}
