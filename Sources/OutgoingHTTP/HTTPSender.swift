public import Domain

/// A POST to somebody else's server.
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

/// What the server said.
public struct OutgoingAnswer: Sendable {
    public var status: Int
    /// In seconds from now, if it named a time to come again.
    public var retryAfter: Int?
    /// The beginning of the body, at most ``HTTPSender/excerptLimit`` bytes.
    public var excerpt: [UInt8]
}

/// What bounds every request.
public struct OutgoingLimits: Sendable {
    /// From the call to the end of the answer, name lookup included.
    public var timeout: Duration = .seconds(15)
    /// Requests under way at a time; a further one throws ``OutgoingError/overloaded`` at once.
    public var underWay = 128

    public init() {}
}

/// Sends requests to servers that nobody of ours knows, over libcurl, on one thread of its own.
///
/// Names are looked up by libcurl, and every connection's address passes `permits` before its socket is opened. Redirects
/// are answers like any other. No proxy is used, whatever the environment says.
///
/// Neither thread nor libcurl's handles exist before the first request. They end when the sender is let go.
public final class HTTPSender: Sendable {
    /// Bytes of an answer's body that are read; then the connection is closed.
    public static let excerptLimit = 4096

    /// Bytes of an answer's head that are taken; beyond them the connection counts as lost.
    static let headLimit = 65_536

    private let loop: TransferLoop

    /// - Parameter permits: whether a connection may go to an address; called on the thread, so that it must not block.
    public init(
        _ limits: OutgoingLimits = .init(),
        permits: @escaping @Sendable (_ address: IPAddress, _ isEncrypted: Bool) -> Bool
    ) {
        loop = TransferLoop(limits, permits: permits)
    }

    deinit {
        // Every caller still waiting holds `self`, so nothing is under way here.
        loop.close()
    }

    /// Returns once the answer is complete, or as much of it as is read.
    ///
    /// A cancelled task gets ``OutgoingError/cancelled`` at once; the request may have been sent all the same.
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
