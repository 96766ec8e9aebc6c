import Bootstrap
import NIOCore
import NIOHTTP1

/// The kind of a connection's first request.
enum Handshake: Equatable {
    /// Not an upgrade: Hummingbird's.
    case plain
    /// An upgrade that proceeds.
    case accepted
    case refused(HTTPResponseStatus, problem: String)

    /// - Parameter isFull: the hub has its maximum number of sockets.
    init(_ head: HTTPRequestHead, publicURL: PublicURL, isFull: Bool) {
        let path = head.uri.prefix { $0 != "?" }
        guard path == "/ws", Self.list(head.headers["upgrade"]).contains("websocket") else {
            self = .plain
            return
        }
        guard head.method == .GET, head.version == .http1_1, Self.list(head.headers["connection"]).contains("upgrade"),
            head.headers["sec-websocket-key"].count == 1, head.headers["sec-websocket-key"][0].utf8.count == 24,
            head.headers["content-length"].allSatisfy({ $0 == "0" }), head.headers["transfer-encoding"].isEmpty
        else {
            self = .refused(.badRequest, problem: "bad-handshake")
            return
        }
        guard head.headers["sec-websocket-version"] == ["13"] else {
            self = .refused(.upgradeRequired, problem: "websocket-version")
            return
        }
        // Browsers always send a truthful Origin; other clients need not send one (RFC 6455 §10.2).
        guard head.headers["origin"].allSatisfy({ $0.lowercased() == publicURL.origin }) else {
            self = .refused(.forbidden, problem: "wrong-origin")
            return
        }
        self = isFull ? .refused(.serviceUnavailable, problem: "too-many") : .accepted
    }

    private static func list(_ fields: [String]) -> [String] {
        fields.flatMap { $0.split(separator: ",") }.map { $0.filter { !$0.isWhitespace }.lowercased() }
    }
}

/// A handler in front of NIO's upgrade handler until a request is accepted; then it leaves the pipeline.
///
/// NIO's own refusal drops the request, and the client would see a closed connection without a response. So this
/// handler responds to refused requests itself, and strips the upgrade header from plain HTTP requests. It also closes
/// connections that send no request at all, or too slowly.
final class HandshakeGuard: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private struct Refusal {
        var status: HTTPResponseStatus
        var problem: String
        var isLast: Bool
    }

    private let decide: (HTTPRequestHead) -> Handshake
    private let reading: GoingOn
    private let metrics: HubMetrics
    private let timeout: TimeAmount
    /// The refusal of the current request.
    private var refusal: Refusal?
    private var isOver = false
    private var deadline: Scheduled<Void>?

    init(
        reading: GoingOn, timeout: Duration, metrics: HubMetrics, decide: @escaping (HTTPRequestHead) -> Handshake
    ) {
        self.reading = reading
        self.timeout = TimeAmount(timeout)
        self.metrics = metrics
        self.decide = decide
    }

    func handlerAdded(context: ChannelHandlerContext) { startClock(context) }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        deadline = nil
    }

    private func startClock(_ context: ChannelHandlerContext) {
        deadline?.cancel()
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: timeout) { channel.close(promise: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The service is stopping, or the client has gone: there is no request to respond to.
        if event is ChannelShouldQuiesceEvent || event as? ChannelEvent == .inputClosed { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError, !isOver else { return context.fireErrorCaught(error) }
        answer(Refusal(status: .badRequest, problem: "bad-request", isLast: true), context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        switch unwrapInboundIn(data) {
        case .head(var head):
            switch decide(head) {
            case .refused(let status, let problem):
                refusal = Refusal(status: status, problem: problem, isLast: !head.isKeepAlive)
            case .plain:
                head.headers.remove(name: "upgrade")
                pass(head, context)
            case .accepted:
                // From here on the bytes are WebSocket frames.
                context.pipeline.syncOperations.removeHandler(reading, promise: nil)
                pass(head, context)
            }
        case .body: if refusal == nil { context.fireChannelRead(data) }
        case .end:
            guard let refused = refusal else { return context.fireChannelRead(data) }
            refusal = nil
            answer(refused, context)
        }
    }

    private func pass(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        context.fireChannelRead(wrapInboundOut(.head(head)))
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    private func answer(_ refusal: Refusal, _ context: ChannelHandlerContext) {
        let (status, isLast) = (refusal.status, refusal.isLast)
        metrics.handshakeRefused(status.code)
        let body = #"{"type":"\#(refusal.problem)","title":"\#(status.reasonPhrase)","status":\#(status.code)}"#
        var headers: HTTPHeaders = [
            "content-type": "application/problem+json", "content-length": "\(body.utf8.count)",
        ]
        if isLast { headers.add(name: "connection", value: "close") }
        if status == .upgradeRequired {
            headers.add(name: "sec-websocket-version", value: "13")
            headers.add(name: "upgrade", value: "websocket")
        }
        if status == .serviceUnavailable { headers.add(name: "retry-after", value: "5") }
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
        guard isLast else {
            startClock(context)
            return context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
        isOver = true
        let loopBound = context.loopBound
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            loopBound.value.close(promise: nil)
        }
    }
}
