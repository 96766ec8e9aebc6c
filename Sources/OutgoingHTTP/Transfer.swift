import CCurl
import Domain
import Glibc
import Synchronization

/// One request in flight, and its response.
///
/// `@unchecked Sendable`: the calling task creates it and hands it over; from `TransferLoop.submit` on everything
/// except `waiter` and `request` belongs to the loop's thread. libcurl holds unretained pointers to it in its
/// callbacks, which run on that thread between `open` and `close`; the loop's table keeps it alive in between.
final class Transfer: @unchecked Sendable {
    typealias Result = Swift.Result<OutgoingAnswer, OutgoingError>

    let request: OutgoingRequest
    private let permits: @Sendable (IPAddress, Bool) -> Bool
    private let waiter = Mutex<CheckedContinuation<Result, Never>?>(nil)
    private(set) var easy: UnsafeMutableRawPointer?
    private var headers: UnsafeMutablePointer<curl_slist>?
    private var excerpt: [UInt8] = []
    private var headSize = 0
    private var wasRefused = false
    private var wasPermitted = false

    init(_ request: OutgoingRequest, permits: @escaping @Sendable (IPAddress, Bool) -> Bool) {
        self.request = request
        self.permits = permits
    }

    deinit { close() }

    func begin(_ continuation: CheckedContinuation<Result, Never>) {
        waiter.withLock { $0 = continuation }
    }

    /// Resumes the caller; only the first call counts.
    func finish(_ result: Result) {
        let continuation = waiter.withLock { waiter in
            defer { waiter = nil }
            return waiter
        }
        continuation?.resume(returning: result)
    }

    /// Creates libcurl's handle, fully configured.
    func open(timeout: Duration) throws(OutgoingError) -> UnsafeMutableRawPointer {
        guard let easy = curl_easy_init() else { throw .library(Int(CURLE_FAILED_INIT.rawValue)) }
        self.easy = easy
        for (name, value) in request.headers { try append("\(name): \(value)") }
        // Otherwise a POST of more than a kilobyte would wait for the server's 100.
        try append("Expect:")
        try require(em_curl_set_string(easy, CURLOPT_URL, request.url))
        try require(em_curl_set_string(easy, CURLOPT_PROTOCOLS_STR, "http,https"))
        try require(em_curl_set_long(easy, CURLOPT_FOLLOWLOCATION, 0))
        // Neither the environment's proxy nor signals: both belong to the process, not to this thread.
        try require(em_curl_set_string(easy, CURLOPT_PROXY, ""))
        try require(em_curl_set_long(easy, CURLOPT_NOSIGNAL, 1))
        try require(em_curl_set_long(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1)))
        try require(em_curl_set_long(easy, CURLOPT_TIMEOUT_MS, max(1, Int(timeout / .milliseconds(1)))))
        // Servers close idle connections after some time; don't reuse one that is probably closed.
        try require(em_curl_set_long(easy, CURLOPT_MAXAGE_CONN, 20))
        // Otherwise releasing a request whose name is being resolved would wait for the lookup, and block everyone on
        // this thread (CURLOPT_QUICK_EXIT(3)); the lookup ends by itself.
        try require(em_curl_set_long(easy, CURLOPT_QUICK_EXIT, 1))
        try require(em_curl_set_list(easy, CURLOPT_HTTPHEADER, headers))
        let body = request.body
        // Copied at once; for an empty body no byte is read.
        try require(body.withUnsafeBytes { em_curl_set_body(easy, $0.baseAddress ?? UnsafeRawPointer(easy), $0.count) })
        try setCallbacks(easy)
        return easy
    }

    /// Releases libcurl's handle; it must have been removed from the multi handle.
    func close() {
        if let easy { curl_easy_cleanup(easy) }
        easy = nil
        if let headers { curl_slist_free_all(headers) }
        headers = nil
    }

    private func setCallbacks(_ easy: UnsafeMutableRawPointer) throws(OutgoingError) {
        let context = Unmanaged.passUnretained(self).toOpaque()
        let write: curl_write_callback = { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            let received = UnsafeRawBufferPointer(start: bytes, count: size * count)
            return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().take(received)
        }
        try require(em_curl_set_write_callback(easy, write, context))
        let head: em_curl_line_callback = { _, size, count, context in
            guard let context else { return 0 }
            return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().takeHead(size * count)
        }
        try require(em_curl_set_line_callback(easy, head, context))
        let open: curl_opensocket_callback = { context, _, address in
            guard let context, let address else { return -1 }
            return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().openSocket(to: address)
        }
        try require(em_curl_set_socket_callback(easy, open, context))
    }

    /// The number of bytes accepted: fewer than received ends the transfer.
    private func take(_ received: UnsafeRawBufferPointer) -> Int {
        let room = HTTPSender.excerptLimit - excerpt.count
        excerpt += received.prefix(room)
        guard received.count <= room else {
            return 0  // cut here
        }
        return received.count
    }

    /// libcurl before 8.3 stores a head of any size (CVE-2023-38039).
    private func takeHead(_ count: Int) -> Int {
        headSize += count
        return headSize <= HTTPSender.headLimit ? count : 0
    }

    private func openSocket(to address: UnsafeMutablePointer<curl_sockaddr>) -> CInt {
        guard let peer = Self.peer(address), permits(peer, isEncrypted) else {
            wasRefused = true
            return -1
        }
        wasPermitted = true
        return socket(
            address.pointee.family, address.pointee.socktype | CInt(SOCK_CLOEXEC.rawValue), address.pointee.protocol)
    }

    private var isEncrypted: Bool { request.url.prefix(8).lowercased() == "https://" }

    private static func peer(_ address: UnsafeMutablePointer<curl_sockaddr>) -> IPAddress? {
        guard let raw = em_curl_address(address) else { return nil }
        switch address.pointee.family {
        case AF_INET:
            let four = raw.loadUnaligned(as: sockaddr_in.self).sin_addr
            return withUnsafeBytes(of: four) { IPAddress(Array($0)) }
        case AF_INET6:
            let sixteen = raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            return withUnsafeBytes(of: sixteen) { IPAddress(Array($0)) }
        default: return nil
        }
    }

    /// The meaning of libcurl's result. The status line decides: a body that breaks off, doesn't match its head, or
    /// takes too long doesn't change the receiver's response.
    func result(_ status: CURLcode) -> Result {
        guard let easy else { return .failure(.library(Int(CURLE_FAILED_INIT.rawValue))) }
        let code = em_curl_get_long(easy, CURLINFO_RESPONSE_CODE)
        if status == CURLE_OK || (code >= 200 && headSize <= HTTPSender.headLimit) {
            let wait = em_curl_get_retry_after(easy)
            return .success(
                OutgoingAnswer(status: code, retryAfter: wait > 0 ? Int(wait) : nil, excerpt: excerpt))
        }
        return .failure(failure(status))
    }

    private func failure(_ status: CURLcode) -> OutgoingError {
        switch status {
        case CURLE_COULDNT_CONNECT: wasRefused && !wasPermitted ? .refusedAddress : .unreachable
        case CURLE_COULDNT_RESOLVE_HOST: .unknownHost
        case CURLE_OPERATION_TIMEDOUT: .timedOut
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR:
            .tls
        case CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_WEIRD_SERVER_REPLY, CURLE_PARTIAL_FILE,
            CURLE_UNSUPPORTED_PROTOCOL, CURLE_HTTP2, CURLE_WRITE_ERROR:
            .connectionLost
        default: .library(Int(status.rawValue))
        }
    }

    private func append(_ line: String) throws(OutgoingError) {
        guard let longer = curl_slist_append(headers, line) else { throw .library(Int(CURLE_OUT_OF_MEMORY.rawValue)) }
        headers = longer
    }

    private func require(_ status: CURLcode) throws(OutgoingError) {
        if status != CURLE_OK { throw .library(Int(status.rawValue)) }
    }
}
