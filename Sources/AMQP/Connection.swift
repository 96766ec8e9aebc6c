import CAMQP
import FoundationEssentials

/// One connection to the broker, used by the one thread that opened it.
final class Connection {
    enum Channel: UInt16 {
        case work = 1
        /// For questions that the broker may answer by closing the channel.
        case aside = 2
    }

    enum Event {
        case delivery(tag: UInt64, redelivered: Bool, message: Message)
        case ack(tag: UInt64, multiple: Bool)
        case nack(tag: UInt64, multiple: Bool)
        case returned(code: Int, text: String, message: Message)
        case cancelled
        case blocked
        case unblocked
        case failed(BrokerError)
    }

    struct Readiness: OptionSet {
        let rawValue: Int32
        static let readable = Readiness(rawValue: 1)
        static let woken = Readiness(rawValue: 2)
        static let writable = Readiness(rawValue: 4)
    }

    /// Nil once closed or abandoned.
    private var handle: OpaquePointer?
    /// Reused for every publish, so that a message's names and headers cost no allocation of their own.
    private var scratch: [UInt8] = []

    init(_ address: BrokerAddress, name: String) throws(BrokerError) {
        var failure = camqp_failure()
        handle = address.host.withCString { host in
            address.virtualHost.withCString { virtualHost in
                address.user.withCString { user in
                    address.password.withCString { password in
                        name.withCString { name in
                            withOptionalCString(address.certificateAuthorities) { authorities in
                                var settings = camqp_settings(
                                    host: host, virtual_host: virtualHost, user: user, password: password,
                                    connection_name: name, certificate_authorities: authorities,
                                    port: UInt16(address.port),
                                    heartbeat_seconds: UInt16(clamping: max(1, address.heartbeat.components.seconds)),
                                    timeout_milliseconds: UInt32(address.timeout.wholeMilliseconds))
                                return camqp_open(&settings, &failure)
                            }
                        }
                    }
                }
            }
        }
        guard handle != nil else { throw Self.connectingError(failure) }
    }

    deinit {
        if let handle { camqp_abandon(handle) }
    }

    /// Says goodbye and waits for the broker's answer, at most the address's timeout.
    func close() {
        if let handle { camqp_close(handle) }
        handle = nil
    }

    func abandon() {
        if let handle { camqp_abandon(handle) }
        handle = nil
    }

    func wait(_ wakeup: Wakeup, forWriting: Bool, atMost duration: Duration) -> Readiness {
        Readiness(rawValue: camqp_wait(handle, wakeup.descriptor, forWriting, duration.wholeMilliseconds))
    }

    /// What the broker said next, nil when nothing is waiting. Must be called at least once per half a heartbeat.
    func next() -> Event? {
        var event = camqp_event()
        camqp_next(handle, &event)
        switch event.kind {
        case .CAMQP_EVENT_DELIVERY:
            return .delivery(
                tag: event.delivery_tag, redelivered: event.redelivered, message: Message(copying: event.message))
        case .CAMQP_EVENT_ACK: return .ack(tag: event.delivery_tag, multiple: event.multiple)
        case .CAMQP_EVENT_NACK: return .nack(tag: event.delivery_tag, multiple: event.multiple)
        case .CAMQP_EVENT_RETURN:
            return .returned(
                code: Int(event.failure.code), text: Self.text(event.failure), message: Message(copying: event.message))
        case .CAMQP_EVENT_CANCELLED: return .cancelled
        case .CAMQP_EVENT_BLOCKED: return .blocked
        case .CAMQP_EVENT_UNBLOCKED: return .unblocked
        case .CAMQP_EVENT_FAILED: return .failed(Self.workError(event.failure))
        case .CAMQP_EVENT_NONE: return nil
        }
    }

    /// Runs one call of the façade; on false, throws what it says. Work-channel closes are the connection's end.
    func attempt(_ call: (OpaquePointer?, inout camqp_failure) -> Bool) throws(BrokerError) {
        var failure = camqp_failure()
        if !call(handle, &failure) { throw Self.workError(failure) }
    }

    func selectConfirms() throws(BrokerError) {
        try attempt { camqp_select_confirms($0, &$1) }
    }

    func publish(_ message: Message, encodedHeaders: [UInt8]) throws(BrokerError) {
        let properties = message.properties
        scratch.removeAll(keepingCapacity: true)
        let names = [
            message.exchange, message.routingKey, properties.messageID ?? "", properties.type ?? "",
            properties.contentType ?? "", properties.correlationID ?? "",
            properties.expiration.map { String($0.wholeMilliseconds) } ?? "",
        ]
        for name in names { scratch.append(contentsOf: name.utf8) }
        scratch.append(contentsOf: encodedHeaders)
        var failure = camqp_failure()
        let sent = scratch.withUnsafeBytes { scratch in
            message.body.withUnsafeBytes { body in
                var offset = 0
                func take(_ count: Int) -> camqp_bytes {
                    defer { offset += count }
                    return camqp_bytes(data: scratch.baseAddress.map { $0 + offset }, length: count)
                }
                var outgoing = camqp_message()
                outgoing.exchange = take(names[0].utf8.count)
                outgoing.routing_key = take(names[1].utf8.count)
                outgoing.message_id = take(names[2].utf8.count)
                outgoing.type = take(names[3].utf8.count)
                outgoing.content_type = take(names[4].utf8.count)
                outgoing.correlation_id = take(names[5].utf8.count)
                outgoing.expiration = take(names[6].utf8.count)
                outgoing.headers = take(encodedHeaders.count)
                outgoing.body = camqp_bytes(data: body.baseAddress, length: body.count)
                outgoing.timestamp = UInt64(max(0, properties.timestamp?.timeIntervalSince1970 ?? 0))
                outgoing.has_priority = properties.priority != nil
                outgoing.priority = properties.priority ?? 0
                outgoing.persistent = true
                outgoing.mandatory = message.mandatory
                return camqp_publish(handle, &outgoing, &failure)
            }
        }
        if !sent { throw Self.workError(failure) }
    }

    func consume(_ queue: String, tag: String, prefetch: Int) throws(BrokerError) {
        try attempt { camqp_consume($0, queue, tag, UInt16(clamping: prefetch), &$1) }
    }

    func cancel(tag: String) throws(BrokerError) {
        try attempt { camqp_cancel($0, tag, &$1) }
    }

    func ack(_ deliveryTag: UInt64) throws(BrokerError) {
        try attempt { camqp_ack($0, deliveryTag, false, &$1) }
    }

    func reject(_ deliveryTag: UInt64, requeue: Bool) throws(BrokerError) {
        try attempt { camqp_reject($0, deliveryTag, requeue, &$1) }
    }

    // MARK: Errors

    private static func text(_ failure: camqp_failure) -> String {
        withUnsafeBytes(of: failure.text) { bytes in String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
    }

    private static func connectingError(_ failure: camqp_failure) -> BrokerError {
        switch failure.status {
        // 403 ACCESS_REFUSED: wrong name or password; 530 NOT_ALLOWED: no such virtual host, or not for this user.
        case .CAMQP_STATUS_CONNECTION_CLOSED where failure.code == 403 || failure.code == 530:
            BrokerError(.refused(code: Int(failure.code), text: text(failure)))
        default: BrokerError(.unreachable(text(failure)))
        }
    }

    private static func workError(_ failure: camqp_failure) -> BrokerError {
        switch failure.status {
        case .CAMQP_STATUS_CHANNEL_CLOSED: BrokerError(.channelClosed(code: Int(failure.code), text: text(failure)))
        case .CAMQP_STATUS_TIMED_OUT: BrokerError(.timedOut, outcomeUnknown: true)
        default: BrokerError(.connectionLost(text(failure)), outcomeUnknown: true)
        }
    }
}

/// `withCString` for a string that may be absent.
private func withOptionalCString<R>(_ string: String?, _ body: (UnsafePointer<CChar>?) -> R) -> R {
    guard let string else { return body(nil) }
    return string.withCString { body($0) }
}

extension Message {
    /// Copies what the façade lends until its next event.
    init(copying source: camqp_message) {
        func string(_ bytes: camqp_bytes) -> String {
            String(decoding: UnsafeRawBufferPointer(start: bytes.data, count: bytes.length), as: UTF8.self)
        }
        func optional(_ bytes: camqp_bytes) -> String? { bytes.length == 0 ? nil : string(bytes) }
        let headers = UnsafeRawBufferPointer(start: source.headers.data, count: source.headers.length)
        self.init(
            exchange: string(source.exchange), routingKey: string(source.routing_key),
            body: Array(UnsafeRawBufferPointer(start: source.body.data, count: source.body.length)),
            properties: Properties(
                messageID: optional(source.message_id), type: optional(source.type),
                contentType: optional(source.content_type), correlationID: optional(source.correlation_id),
                timestamp: source.timestamp == 0 ? nil : Date(timeIntervalSince1970: Double(source.timestamp)),
                priority: source.has_priority ? source.priority : nil,
                // Headers that are no table are another program's fault and must not cost the message.
                headers: FieldTable.decode(headers) ?? [:]))
    }
}
