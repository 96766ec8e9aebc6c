import Access
import Domain
import NIOCore
import NIOWebSocket

/// One socket after the upgrade: receives frames, queues what can't be sent yet, and ends with a close code.
///
/// A channel handler, confined to its event loop. It learns the time once a second, from ``sweep(at:)``.
final class Session: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame

    let hub: Hub
    /// The client's own address or network, as reported by trusted proxies: the key of its socket limit.
    let address: String
    /// Its index in the hub; nil before it entered and after it left.
    var indexInHub: Int?

    // The client's rights (SessionAccess.swift).
    var principal: Principal?
    var expiry: NIODeadline?
    var authenticationDeadline: NIODeadline?
    var isVerifying = false
    /// Private topics requested while a token was being verified.
    var askedMeanwhile: [String] = []
    var subscriptions: [Topic: TopicSubscription] = [:]
    /// Dashboards whose permission is being looked up.
    var pendingDashboards: Set<EventID> = []

    /// The frame encoder's context: writes from there go to the socket as they are, so that an encoded frame is shared
    /// by all sockets. Belongs to the channel; released when this handler is removed.
    private var outlet: ChannelHandlerContext?
    private var assembler: FrameAssembler
    private var waiting = WaitingFrames()
    private var unwritableSince: NIODeadline?
    private var lastHeard = NIODeadline.now()
    private var pingSent = false
    private var framesThisSecond = 0
    private var isUnflushed = false
    /// Set once our close frame is sent: from then on only the client's close frame is accepted, and nothing is sent.
    private var closeDeadline: NIODeadline?

    init(hub: Hub, address: String) {
        self.hub = hub
        self.address = address
        assembler = FrameAssembler(maximumMessage: hub.limits.messageBytes)
    }

    var isClosing: Bool { closeDeadline != nil }

    // MARK: The channel's events

    func handlerAdded(context: ChannelHandlerContext) {
        do {
            outlet = try context.pipeline.syncOperations.context(handlerType: WebSocketFrameEncoder.self)
        } catch {
            preconditionFailure("the upgrade adds the frame encoder before the session")
        }
        hub.enter(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) { leave() }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    private func leave() {
        if indexInHub != nil, closeDeadline == nil { hub.metrics.socketClosed(nil) }
        leaveTopics()
        hub.leave(self)
        outlet = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed: context.close(promise: nil)
        case is ChannelShouldQuiesceEvent:
            // The hub is stopping: closes are spread out, or the clients would reconnect in one wave.
            let delay = hub.limits.drainSpread * Double.random(in: 0...1)
            hub.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) { self.close(.restart) }
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            unwritableSince = nil
            catchUp()
        } else {
            unwritableSince = .now()
        }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The decoder accepts nothing after an error and repeats it for every read until the socket is closed.
        guard !isClosing else { return }
        switch error {
        case NIOWebSocketError.invalidFrameLength: close(.tooBig)
        case is NIOWebSocketError: close(.protocolError)
        default: context.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        lastHeard = .now()
        pingSent = false
        framesThisSecond += 1
        if hub.limits.areRatesLimited, framesThisSecond > hub.limits.framesPerSecond { return close(.tooMany) }
        let outcome = assembler.take(
            ClientFrame(
                isFinal: frame.fin, hasReservedBits: frame.rsv1 || frame.rsv2 || frame.rsv3,
                opcode: UInt8(webSocketOpcode: frame.opcode), isMasked: frame.maskKey != nil,
                payload: frame.unmaskedData))
        if isClosing {
            if case .close = outcome { context.close(promise: nil) }
            return
        }
        switch outcome {
        case .incomplete, .pong: break
        case .message(let text): receive(text)
        case .ping(let payload): answer(payload)
        case .close(let code): goodbye(code, context)
        case .violation(let code): close(code)
        }
    }

    /// A client that doesn't read gets no pongs either: only the most recent ping needs an answer (RFC 6455 §5.5.2).
    private func answer(_ ping: ByteBuffer) {
        guard unwritableSince == nil else { return }
        write(Frames.pong(ping))
    }

    /// The client closes first: its code is echoed after what was sent before, then the connection ends.
    private func goodbye(_ code: UInt16?, _ context: ChannelHandlerContext) {
        hub.metrics.socketClosed(nil)
        closeDeadline = .now() + hub.limits.goodbye
        leaveTopics()
        let hasLeft = context.eventLoop.makePromise(of: Void.self)
        outlet?.writeAndFlush(NIOAny(Frames.close(code)), promise: hasLeft)
        hasLeft.futureResult.assumeIsolated().whenComplete { _ in self.outlet?.close(promise: nil) }
    }

    // MARK: Sending

    /// Sends a frame for this socket only.
    func send(_ frame: ByteBuffer) {
        if send(frame, frames: 1) { hub.metrics.sent(bytes: frame.readableBytes) }
    }

    /// Sends frames, or queues them until the socket is writable; above the limit the socket is closed as too slow.
    /// Returns whether they were written.
    func send(_ bytes: ByteBuffer, frames: Int) -> Bool {
        guard !isClosing, outlet != nil else { return false }
        if unwritableSince == nil {
            write(bytes)
            return true
        }
        waiting.append(bytes, frames: frames)
        if waiting.bytes > hub.limits.waitingBytes {
            hub.metrics.framesDropped(waiting.frames)
            close(.tooSlow)
        }
        return false
    }

    /// Sends counts, or marks them as pending, because only the latest matter. Returns whether they were written.
    func sendCounts(_ frame: ByteBuffer, of subscription: TopicSubscription) -> Bool {
        let revision = subscription.listeners.revision
        guard !isClosing, outlet != nil, subscription.revision < revision else { return false }
        guard unwritableSince == nil else {
            subscription.isBehind = true
            hub.metrics.countsConflated()
            return false
        }
        subscription.revision = revision
        write(frame)
        return true
    }

    /// Called when the socket is writable again: sends the queue in order, then the latest counts of pending topics.
    ///
    /// A write can make the socket unwritable and writable again before it returns, and so re-enter here: every frame
    /// is dequeued before it is written.
    private func catchUp() {
        while unwritableSince == nil, !isClosing, let next = waiting.popFirst() {
            hub.metrics.sent(bytes: next.bytes.readableBytes / next.frames, to: next.frames)
            write(next.bytes)
        }
        guard waiting.isEmpty else { return }
        for subscription in subscriptions.values where subscription.isBehind {
            guard unwritableSince == nil, !isClosing else { return }
            subscription.isBehind = false
            if let frame = subscription.listeners.countsFrame { _ = sendCounts(frame, of: subscription) }
        }
    }

    /// Writes; during a turn the flush comes at its end, once for everything.
    private func write(_ frame: ByteBuffer) {
        guard hub.isHandingOut else {
            outlet?.writeAndFlush(NIOAny(frame), promise: nil)
            return
        }
        outlet?.write(NIOAny(frame), promise: nil)
        guard !isUnflushed else { return }
        isUnflushed = true
        hub.flushLater(self)
    }

    /// Called at the end of a turn.
    func flush() {
        isUnflushed = false
        outlet?.flush()
    }

    // MARK: Ending

    /// Sends a close frame and gives the client a moment to answer it; idempotent.
    func close(_ code: CloseCode) {
        guard !isClosing else { return }
        closeDeadline = .now() + hub.limits.goodbye
        hub.metrics.socketClosed(code)
        leaveTopics()
        waiting = WaitingFrames()
        write(Frames.close(code.rawValue, reason: code.reason))
    }

    private func leaveTopics() {
        let held = subscriptions.values
        subscriptions = [:]
        for subscription in held { hub.unsubscribe(subscription) }
    }

    /// Called by the hub about once a second.
    func sweep(at now: NIODeadline) {
        framesThisSecond = 0
        if let closeDeadline {
            if closeDeadline <= now { outlet?.close(promise: nil) }
            return
        }
        if let expiry, expiry <= now { return close(.notAuthenticated) }
        if let authenticationDeadline, authenticationDeadline <= now { return close(.authenticationTimedOut) }
        if let unwritableSince, unwritableSince + hub.limits.stalled <= now { return close(.tooSlow) }
        if lastHeard + hub.limits.dead <= now { return close(.unresponsive) }
        if !pingSent, lastHeard + hub.limits.ping <= now {
            pingSent = true
            write(Frames.ping)
        }
    }
}
