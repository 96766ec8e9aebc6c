public import Domain

/// A POST to an external server.
public struct OutgoingRequest: Sendable {
    /// Absolute, http or https.
    public var url: String
    /// Names and values; without line breaks.
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]

    public init(url: String, headers: [(name: String, value: String)], body: [UInt8]) {
        self.url = url
        self.headers = headers
        self.body = body
    }
}

/// The server's response.
public struct OutgoingAnswer: Sendable {
    public var status: Int
    /// In seconds from now, if it sent Retry-After.
    public var retryAfter: Int?
    /// The beginning of the body, at most ``HTTPSender/excerptLimit`` bytes.
    public var excerpt: [UInt8]
}

/// The limits of every request.
public struct OutgoingLimits: Sendable {
    /// From the call to the end of the response, including name resolution.
    public var timeout: Duration = .seconds(15)
    /// Maximum requests in flight; a further one throws ``OutgoingError/overloaded`` at once.
    public var underWay = 128

    public init() {}
}

/// A client for external servers, over libcurl, on its own thread.
///
/// libcurl resolves names, and every connection's address is checked by `permits` before its socket is opened.
/// Redirects are not followed. No proxy is used, whatever the environment says.
///
/// Neither thread nor libcurl's handles exist before the first request. They end when the sender is released.
public final class HTTPSender: Sendable {
    /// Bytes of a response body that are read; then the connection is closed.
    public static let excerptLimit = 4096

    /// Maximum bytes of a response head; beyond that the connection counts as lost.
    static let headLimit = 65_536

    private let loop: TransferLoop

    /// - Parameter permits: whether a connection to an address is allowed; called on the thread, so it must not block.
    public init(
        _ limits: OutgoingLimits = .init(),
        permits: @escaping @Sendable (_ address: IPAddress, _ isEncrypted: Bool) -> Bool
    ) {
        loop = TransferLoop(limits, permits: permits)
    }

    deinit {
        // Every waiting caller retains `self`, so nothing is in flight here.
        loop.close()
    }

    /// Sends a request; returns once the response is complete, or as much of it as is read.
    ///
    /// A canceled task gets ``OutgoingError/cancelled`` at once; the request may have been sent all the same.
    public func post(_ request: OutgoingRequest) async throws(OutgoingError) -> OutgoingAnswer {
        let transfer = Transfer(request, permits: loop.permits)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                transfer.begin(continuation)
                loop.submit(transfer)
            }
        } onCancel: {
            loop.cancel(transfer)
        }
        return try result.get()
    }
}
