import Bootstrap
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOWebSocket

/// A server for WebSockets at `/ws` by plain channel handlers, and for everything else by Hummingbird, on one port.
struct WebSocketServer: HTTPChannelHandler {
    enum Negotiated: Sendable {
        case http(NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>)
        /// From here on ``Session`` does everything.
        case webSocket
    }

    struct Value: ServerChildChannelValue {
        let negotiated: EventLoopFuture<Negotiated>
        let channel: any Channel
    }

    let responder: Responder
    let hubs: Hubs
    let publicURL: PublicURL
    let trustedProxies: TrustedProxies

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            // Each channel keeps the buffers that it has read into: one small one, from its first read on.
            try channel.syncOptions?.setOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 1024))
            try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
            let configuration = NIOTypedHTTPServerUpgradeConfiguration(
                upgraders: [upgrader()],
                notUpgradingCompletionHandler: { channel in
                    channel.eventLoop.makeCompletedFuture { try plain(channel, logger) }
                })
            let reading = RequestReading()
            let handshake = HandshakeGuard(
                reading: reading.goingOn, timeout: hubs.limits.handshake, metrics: hubs.metrics
            ) { head in
                Handshake(head, publicURL: publicURL, isFull: hubs.isFull)
            }
            let upgrading = NIOTypedHTTPServerUpgradeHandler<Negotiated>(
                httpEncoder: reading.encoder, extraHTTPHandlers: [reading.decoder], upgradeConfiguration: configuration)
            let operations = channel.pipeline.syncOperations
            try reading.addHandlers(to: operations)
            try operations.addHandlers([handshake, upgrading])
            return Value(negotiated: upgrading.upgradeResultFuture, channel: channel)
        }
    }

    func handle(value: Value, logger: Logger) async {
        do {
            switch try await value.negotiated.get() {
            case .http(let channel): await handleHTTP(asyncChannel: channel, logger: logger)
            case .webSocket: break  // no task for the lifetime of a socket: its handlers are all it needs
            }
        } catch {
            // Refused, or gone before its first request was complete.
            value.channel.close(promise: nil)
        }
    }

    private func upgrader() -> NIOTypedWebSocketServerUpgrader<Negotiated> {
        NIOTypedWebSocketServerUpgrader(
            maxFrameSize: hubs.limits.messageBytes, enableAutomaticErrorHandling: false,
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture(HTTPHeaders()) },
            upgradePipelineHandler: { channel, head in
                channel.eventLoop.makeCompletedFuture {
                    try start(channel, head)
                    return .webSocket
                }
            })
    }

    private func start(_ channel: any Channel, _ head: HTTPRequestHead) throws {
        let address = TrustedProxies.network(
            of: trustedProxies.client(
                peer: channel.remoteAddress?.ipAddress ?? "unknown", forwardedFor: head.headers["x-forwarded-for"]))
        if let options = channel.syncOptions {
            try options.setOption(.socketOption(.so_sndbuf), value: .init(hubs.limits.kernelSendBuffer))
            try options.setOption(.writeBufferWaterMark, value: .init(low: 8 << 10, high: 32 << 10))
        }
        let session = Session(hub: hubs.hub(of: channel.eventLoop), address: address)
        try channel.pipeline.syncOperations.addHandler(session)
    }

    private func plain(_ channel: any Channel, _ logger: Logger) throws -> Negotiated {
        .http(try PlainHTTPServer.serve(channel, idleTimeout: .seconds(30), logger))
    }
}
