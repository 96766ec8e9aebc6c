/// The exchanges of the product. A prefix makes a world of its own for tests beside others on the same broker.
public struct BrokerNames: Sendable, Equatable {
    public let prefix: String

    public init(prefix: String) { self.prefix = prefix }

    /// The names of the message contract.
    public static let emConnect = BrokerNames(prefix: "")

    /// Topic exchange of facts: the message contract's surface.
    public var events: String { prefix + "em.events" }
    /// Headers exchange fed by `events`: for queues that may see one owner's facts only.
    public var scoped: String { prefix + "em.scoped" }
    /// Direct exchange of internal jobs, which no integrator may read.
    public var work: String { prefix + "em.work" }
    /// Direct exchange in front of the delay queues, by the delay queue's name.
    public var retry: String { prefix + "em.retry" }
    /// Direct exchange in front of the parking queues, by the worker queue's name.
    public var dead: String { prefix + "em.dead" }
}
