public import FoundationEssentials

/// A message on its way to or from the broker. Published messages are persistent.
public struct Message: Sendable, Equatable {
    /// The empty name is the default exchange, which routes to the queue named by the routing key.
    public var exchange: String
    public var routingKey: String
    public var body: [UInt8]
    public var properties: Properties
    /// Whether an unroutable message comes back as `.returned` (else the broker drops it and confirms). Not carried to
    /// the receiver.
    public var mandatory: Bool

    public init(
        exchange: String, routingKey: String, body: [UInt8], properties: Properties = Properties(),
        mandatory: Bool = true
    ) {
        self.exchange = exchange
        self.routingKey = routingKey
        self.body = body
        self.properties = properties
        self.mandatory = mandatory
    }

    public struct Properties: Sendable, Equatable {
        public var messageID: String?
        public var type: String?
        public var contentType: String?
        public var correlationID: String?
        /// Whole seconds on the wire.
        public var timestamp: Date?
        public var priority: UInt8?
        /// How long the message may wait in a queue, in whole milliseconds on the wire. Not carried to the receiver.
        public var expiration: Duration?
        public var headers: [String: FieldValue]

        public init(
            messageID: String? = nil, type: String? = nil, contentType: String? = nil, correlationID: String? = nil,
            timestamp: Date? = nil, priority: UInt8? = nil, expiration: Duration? = nil,
            headers: [String: FieldValue] = [:]
        ) {
            self.messageID = messageID
            self.type = type
            self.contentType = contentType
            self.correlationID = correlationID
            self.timestamp = timestamp
            self.priority = priority
            self.expiration = expiration
            self.headers = headers
        }
    }

    /// Whether every short string fits in AMQP's 255 bytes; librabbitmq would break the connection on more.
    var hasShortNames: Bool {
        let names = [
            exchange, routingKey, properties.messageID, properties.type, properties.contentType,
            properties.correlationID,
        ]
        return names.allSatisfy { ($0?.utf8.count ?? 0) <= 255 }
            && properties.headers.keys.allSatisfy { $0.utf8.count <= 255 }
    }
}
