import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOPosix

/// One POST over plain HTTP, on its own connection: all that a local OpenTelemetry collector needs. libcurl would add
/// TLS, and one more library to every service.
enum CollectorRequest {
    /// The collector's address.
    struct Endpoint: Sendable, Hashable {
        var host: String
        var port: Int
        var path: String

        /// `http://collector:4318`, with a path before `/v1/traces` if there is one.
        init(_ text: String) throws {
            guard let url = URL(string: text), url.scheme == "http", let host = url.host, !host.isEmpty,
                url.user == nil, url.query == nil, url.fragment == nil
            else { throw Problem("must look like http://collector:4318") }
            self.host = host
            port = url.port ?? 4318
            path = (url.path.hasSuffix("/") ? String(url.path.dropLast()) : url.path) + "/v1/traces"
        }
    }

    private static let timeout = TimeAmount.seconds(10)

    /// Returns the response status.
    /// - Throws: network errors, and ``NoAnswer``.
    static func post(_ body: [UInt8], to endpoint: Endpoint) async throws -> Int {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let status = eventLoop.makePromise(of: Int.self)
        let limit = eventLoop.scheduleTask(in: timeout) { status.fail(NoAnswer()) }
        defer { limit.cancel() }
        do {
            let channel = try await ClientBootstrap(group: eventLoop)
                .connectTimeout(timeout)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        try channel.pipeline.syncOperations.addHandler(Exchange(body, endpoint, status))
                    }
                }
                .connect(host: endpoint.host, port: endpoint.port).get()
            defer { channel.close(promise: nil) }
            return try await status.futureResult.get()
        } catch {
            // A promise must not be leaked; failing a fulfilled one has no effect.
            status.fail(error)
            throw error
        }
    }

    struct NoAnswer: Error {}

    /// Sends the request once connected, and keeps the response status.
    private final class Exchange: ChannelInboundHandler {
        typealias InboundIn = HTTPClientResponsePart
        typealias OutboundOut = HTTPClientRequestPart

        private let body: [UInt8]
        private let endpoint: Endpoint
        private let status: EventLoopPromise<Int>

        init(_ body: [UInt8], _ endpoint: Endpoint, _ status: EventLoopPromise<Int>) {
            self.body = body
            self.endpoint = endpoint
            self.status = status
        }

        func channelActive(context: ChannelHandlerContext) {
            let head = HTTPRequestHead(
                version: .http1_1, method: .POST, uri: endpoint.path,
                headers: [
                    "Host": "\(endpoint.host):\(endpoint.port)", "Content-Type": "application/json",
                    "Content-Length": "\(body.count)", "Connection": "close",
                ])
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if case .head(let head) = unwrapInboundIn(data) { status.succeed(Int(head.status.code)) }
        }

        func channelInactive(context: ChannelHandlerContext) { status.fail(NoAnswer()) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            status.fail(error)
            context.close(promise: nil)
        }
    }
}
