import CAMQP

/// Declaring, inspecting and removing, on either channel.
extension Connection {
    func declare(_ topology: Topology, on channel: Channel = .work) throws(BrokerError) {
        for exchange in topology.exchanges {
            try withTable(exchange.arguments) { handle, arguments, failure in
                camqp_declare_exchange(
                    handle, channel.rawValue, exchange.name, exchange.kind.rawValue, exchange.durable, arguments,
                    &failure)
            }
        }
        for queue in topology.queues {
            try withTable(queue.arguments) { handle, arguments, failure in
                camqp_declare_queue(handle, channel.rawValue, queue.name, queue.durable, arguments, &failure)
            }
        }
        for binding in topology.bindings {
            try withTable(binding.arguments) { handle, arguments, failure in
                switch binding.destination {
                case .queue(let queue):
                    camqp_bind_queue(
                        handle, channel.rawValue, queue, binding.source, binding.routingKey, arguments, &failure)
                case .exchange(let exchange):
                    camqp_bind_exchange(
                        handle, channel.rawValue, exchange, binding.source, binding.routingKey, arguments, &failure)
                }
            }
        }
    }

    /// Takes bindings of queues away; one that isn't there is no error (RabbitMQ, unlike AMQP 0-9-1, says so to everybody).
    func unbind(_ bindings: [Binding]) throws(BrokerError) {
        for binding in bindings {
            guard case .queue(let queue) = binding.destination else { continue }
            try withTable(binding.arguments) { handle, arguments, failure in
                camqp_unbind_queue(
                    handle, Channel.aside.rawValue, queue, binding.source, binding.routingKey, arguments, &failure)
            }
        }
    }

    private func withTable(
        _ arguments: [String: FieldValue], _ call: (OpaquePointer?, camqp_bytes, inout camqp_failure) -> Bool
    ) throws(BrokerError) {
        let encoded = FieldTable.encode(arguments)
        try attempt { handle, failure in
            encoded.withUnsafeBytes { bytes in
                call(handle, camqp_bytes(data: bytes.baseAddress, length: bytes.count), &failure)
            }
        }
    }

    /// Runs `body` on the aside channel, opened for it alone: the broker answers some questions by closing it.
    func aside<R>(_ body: (Connection) throws(BrokerError) -> R) throws(BrokerError) -> R {
        try attempt { camqp_open_channel($0, Channel.aside.rawValue, &$1) }
        let result = try body(self)
        try attempt { camqp_close_channel($0, Channel.aside.rawValue, &$1) }
        return result
    }

    func inspect(queue: String) throws(BrokerError) -> QueueStatus {
        var messages: UInt32 = 0
        var consumers: UInt32 = 0
        try attempt { camqp_inspect_queue($0, Channel.aside.rawValue, queue, &messages, &consumers, &$1) }
        return QueueStatus(messages: Int(messages), consumers: Int(consumers))
    }

    func delete(queue: String) throws(BrokerError) {
        try attempt { camqp_delete_queue($0, Channel.aside.rawValue, queue, &$1) }
    }

    func delete(exchange: String) throws(BrokerError) {
        try attempt { camqp_delete_exchange($0, Channel.aside.rawValue, exchange, &$1) }
    }

    func purge(queue: String) throws(BrokerError) -> Int {
        var messages: UInt32 = 0
        try attempt { camqp_purge_queue($0, Channel.aside.rawValue, queue, &messages, &$1) }
        return Int(messages)
    }
}
