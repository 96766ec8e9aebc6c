public import HummingbirdCore
public import Logging
public import NIOCore
public import NIOHTTP1
public import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// An HTTP/1.1 handler that continues if a request asks for another protocol (RFC 9110 §7.8): such a request is
/// answered as if it hadn't. Anything but HTTP/1.1 gets a 400 and is disconnected.
public struct PlainHTTPServer: HTTPChannelHandler {
    public let responder: Responder

    public init(_ responder: @escaping Responder) { self.responder = responder }

    public func setup(
        channel: any Channel, logger: Logger
    ) -> EventLoopFuture<NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>> {
        channel.eventLoop.makeCompletedFuture {
            try RequestReading().addHandlers(to: channel.pipeline.syncOperations)
            return try Self.serve(channel, idleTimeout: nil, logger)
        }
    }

    public func handle(value: NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>, logger: Logger) async {
        await handleHTTP(asyncChannel: value, logger: logger)
    }

    /// Adds the remaining handlers after those of ``RequestReading``, for Hummingbird to respond.
    public static func serve(
        _ channel: any Channel, idleTimeout: Duration?, _ logger: Logger
    ) throws -> NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart> {
        let operations = channel.pipeline.syncOperations
        try operations.addHandler(HTTP1ToHTTPServerCodec(secure: false))
        try operations.addHandler(HTTPConnectionStateHandler(idleTimeout: idleTimeout, logger: logger))
        return try NIOAsyncChannel(
            wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
    }
}

extension HTTPServerBuilder {
    /// ``PlainHTTPServer``: used by our services instead of `http1()`, which stops reading after an upgrade.
    public static var plainHTTP: HTTPServerBuilder { HTTPServerBuilder { PlainHTTPServer($0) } }
}

/// The handlers that read requests from a connection, and write responses.
public struct RequestReading {
    public let encoder = HTTPResponseEncoder()
    /// In front of ``goingOn``.
    public let decoder: ByteToMessageHandler<RequestDecoder>
    /// Leaves the pipeline before an accepted upgrade, so that what follows is left to the other protocol.
    public let goingOn: GoingOn

    public init() {
        let requests = RequestDecoder()
        decoder = ByteToMessageHandler(requests)
        goingOn = GoingOn(requests)
    }

    public func addHandlers(to operations: ChannelPipeline.SynchronousOperations) throws {
        try operations.addHandlers([encoder, decoder, goingOn])
    }
}

/// NIO's request decoder, restarted where it stops.
///
/// After a request with `Connection: upgrade`, NIO's decoder reads nothing more, because the bytes that follow may be
/// of another protocol. A server that doesn't switch is left with a connection that accepts requests and never
/// responds; a proxy such as nginx sends the next request over it, anyone's.
public final class RequestDecoder: ByteToMessageDecoder {
    public typealias InboundOut = HTTPServerRequestPart

    private var requests = RequestDecoder.fresh()
    /// The last request stopped the decoder, and the connection stays HTTP.
    fileprivate var isStopped = false

    fileprivate init() {}

    private static func fresh() -> HTTPRequestDecoder { HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes) }

    public func decoderAdded(context: ChannelHandlerContext) { requests.decoderAdded(context: context) }
    public func decoderRemoved(context: ChannelHandlerContext) { requests.decoderRemoved(context: context) }

    public func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
        let state = try requests.decode(context: context, buffer: &buffer)
        guard isStopped else { return state }
        isStopped = false
        requests.decoderRemoved(context: context)
        requests = Self.fresh()
        requests.decoderAdded(context: context)
        return .continue  // with the request behind it, if it has arrived already
    }

    public func decodeLast(
        context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool
    ) throws -> DecodingState {
        try requests.decodeLast(context: context, buffer: &buffer, seenEOF: seenEOF)
    }
}

/// Tells the decoder in front of it when it has stopped; refuses CONNECT, which is never followed by HTTP.
public final class GoingOn: ChannelInboundHandler, RemovableChannelHandler {
    public typealias InboundIn = HTTPServerRequestPart
    public typealias InboundOut = HTTPServerRequestPart

    private let decoder: RequestDecoder
    private var stopsDecoder = false
    private var isRefused = false

    fileprivate init(_ decoder: RequestDecoder) { self.decoder = decoder }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isRefused else { return }
        switch unwrapInboundIn(data) {
        case .head(let head) where head.method == .CONNECT:
            isRefused = true
            context.fireErrorCaught(HTTPParserError.invalidMethod)
        case .head(let head):
            stopsDecoder = Self.stopsDecoder(head)
            context.fireChannelRead(data)
        case .body: context.fireChannelRead(data)
        case .end:
            context.fireChannelRead(data)
            decoder.isStopped = stopsDecoder
        }
    }

    /// Whether the decoder reads nothing more after this request. By llhttp's rules, not by those of RFC 9110, because
    /// its behavior counts. (`Proxy-Connection` means the same to it; after `upgrade` it accepts spaces and no tabs.)
    static func stopsDecoder(_ head: HTTPRequestHead) -> Bool {
        guard head.headers.contains(name: "upgrade") else { return false }
        return ["connection", "proxy-connection"].contains { name in
            head.headers[name].contains { value in
                value.utf8.split(separator: UInt8(ascii: ",")).contains { item in
                    var token = item.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
                    while token.last == UInt8(ascii: " ") { token.removeLast() }
                    return String(decoding: token, as: UTF8.self).lowercased() == "upgrade"
                }
            }
        }
    }
}
