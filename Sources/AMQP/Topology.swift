/// Exchanges, queues and bindings: declared on every connect, so that whichever service comes first makes them.
///
/// Declaring is idempotent as long as the arguments are equal; a queue that exists with others closes the channel
/// (406), which the publisher or consumer logs and tries again for ever.
public struct Topology: Sendable, Equatable {
    public var exchanges: [Exchange]
    public var queues: [Queue]
    public var bindings: [Binding]
    /// What the broker has no bindings for: whoever publishes such a message to its source takes it to these queues too, each
    /// by the queue's name and mandatory. The broker says when a queue is gone; of a binding that is gone it says nothing as
    /// long as the message still finds some other queue.
    public var carried: [Binding]

    public init(
        exchanges: [Exchange] = [], queues: [Queue] = [], bindings: [Binding] = [], carried: [Binding] = []
    ) {
        self.exchanges = exchanges
        self.queues = queues
        self.bindings = bindings
        self.carried = carried
    }
}

public struct Exchange: Sendable, Equatable {
    public enum Kind: String, Sendable { case topic, direct, fanout, headers }

    public var name: String
    public var kind: Kind
    public var arguments: [String: FieldValue]
    public var durable: Bool

    public init(name: String, kind: Kind, arguments: [String: FieldValue] = [:], durable: Bool = true) {
        self.name = name
        self.kind = kind
        self.arguments = arguments
        self.durable = durable
    }
}

public struct Queue: Sendable, Equatable {
    public var name: String
    /// For instance `x-queue-type`, `x-message-ttl` (milliseconds), `x-dead-letter-exchange`.
    public var arguments: [String: FieldValue]
    public var durable: Bool

    public init(name: String, arguments: [String: FieldValue] = [:], durable: Bool = true) {
        self.name = name
        self.arguments = arguments
        self.durable = durable
    }
}

public struct Binding: Sendable, Equatable {
    public enum Destination: Sendable, Equatable {
        case queue(String)
        case exchange(String)
    }

    public var source: String
    public var destination: Destination
    public var routingKey: String
    public var arguments: [String: FieldValue]

    public init(
        source: String, destination: Destination, routingKey: String, arguments: [String: FieldValue] = [:]
    ) {
        self.source = source
        self.destination = destination
        self.routingKey = routingKey
        self.arguments = arguments
    }
}

/// How full a queue is: messages ready to be delivered, and the consumers attached to it.
public struct QueueStatus: Sendable, Equatable {
    public let messages: Int
    public let consumers: Int
}
