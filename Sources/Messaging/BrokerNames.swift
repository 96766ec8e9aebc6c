/// The names of the product's exchanges. A prefix isolates tests from others on the same broker.
public struct BrokerNames: Sendable, Equatable {
    public let prefix: String

    public init(prefix: String) { self.prefix = prefix }

    /// The names of the message contract.
    public static let emConnect = BrokerNames(prefix: "")

    /// Topic exchange of facts: part of the message contract.
    public var events: String { prefix + "em.events" }
    /// Headers exchange bound to `events`: for queues limited to one owner's facts.
    public var scoped: String { prefix + "em.scoped" }
    /// Direct exchange of internal jobs, not readable by integrators.
    public var work: String { prefix + "em.work" }
    /// Direct exchange for the delay queues, routed by the delay queue's name.
    public var retry: String { prefix + "em.retry" }
    /// Direct exchange for the parking queues, routed by the worker queue's name.
    public var dead: String { prefix + "em.dead" }
}
