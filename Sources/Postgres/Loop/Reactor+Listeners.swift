// Listening: one connection for each subscription, made again for ever.
extension Reactor {
    func listen(to channels: [String], into buffer: NotificationBuffer) {
        if closingDeadline != nil { return buffer.finish() }
        listeners.append(Listener(channels: channels, buffer: buffer, maximumBackoff: settings.maximumBackoff))
    }

    func stopListening(_ buffer: NotificationBuffer) {
        guard let index = listeners.firstIndex(where: { $0.buffer === buffer }) else { return }
        let listener = listeners.remove(at: index)
        buffer.finish()
        if let connection = listener.connection.flatMap({ connections[$0] }) { drop(connection, nil) }
    }

    func reconnectListeners() {
        for listener in listeners
        where listener.connection == nil && !listener.isConnecting && listener.backoff.allows(at: now) {
            connect(for: .listener(listener))
        }
    }

    func listenerConnected(_ listener: Listener, _ connection: Connection) {
        guard listeners.contains(where: { $0 === listener }) else { return drop(connection, nil) }
        listener.connection = connection.id
        if connection.submit(Request(.statements(listener.statements))) {
            flush(connection)
        } else {
            drop(connection, .connectionLost)
        }
    }

    func listeningBegan(_ listener: Listener, _ failure: PostgresError?, on connection: Connection) {
        if let failure { return drop(connection, failure.kind) }
        listener.backoff.succeeded()
        listener.isListening = true
        listener.buffer.append(.connected)
    }

    func listenerLost(_ listener: Listener) {
        listener.connection = nil
        listener.backoff.failed(at: now)
        if listener.isListening { listener.buffer.append(.disconnected) }
        listener.isListening = false
    }
}
