import CCurl
import Dispatch

/// Why a request got no answer, in libcurl's words, which name no header and no body.
public struct HTTPClientError: Error, Sendable, CustomStringConvertible {
    public let description: String
}

/// Posts to HTTP servers with libcurl, one request after the other, on a queue of its own: nothing blocks the cooperative
/// pool. Connections are kept open from one request to the next; redirects are not followed, proxies of the environment
/// not used, and what a server answers beside its status is dropped.
///
/// As many requests wait as callers wait for them: bound those.
public final class HTTPClient: Sendable {
    private let queue: DispatchQueue
    private let handle: Handle
    private let timeout: Duration

    /// - Parameters:
    ///   - name: of the queue, for debuggers.
    ///   - timeout: for one request, from the look-up of the name to the end of the answer.
    public init(name: String, timeout: Duration) {
        queue = DispatchQueue(label: name)
        handle = Handle()
        self.timeout = timeout
    }

    /// Returns the status that the server answered.
    /// - Parameter headers: lines as they go over the wire, `Name: value`.
    /// - Throws: ``HTTPClientError`` when there was no answer.
    public func post(_ body: [UInt8], to url: String, headers: [String]) async throws(HTTPClientError) -> Int {
        let result: Result<Int, HTTPClientError> = await withCheckedContinuation { continuation in
            queue.async { [handle, timeout] in
                continuation.resume(returning: handle.post(body, to: url, headers: headers, timeout: timeout))
            }
        }
        return try result.get()
    }
}

/// A libcurl easy handle.
///
/// `@unchecked Sendable`: used on the client's serial queue alone, until the last use is over.
private final class Handle: @unchecked Sendable {
    private let easy: UnsafeMutableRawPointer?

    /// `curl_global_init` must precede all else and happen once; a static is initialised so.
    private static let libraryReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    init() { easy = Self.libraryReady ? curl_easy_init() : nil }

    deinit { if let easy { curl_easy_cleanup(easy) } }

    func post(_ body: [UInt8], to url: String, headers: [String], timeout: Duration) -> Result<Int, HTTPClientError> {
        guard let easy else { return .failure(HTTPClientError(description: "libcurl cannot be initialised")) }
        // Forgets all options, keeps the connections.
        curl_easy_reset(easy)
        var list: UnsafeMutablePointer<curl_slist>?
        for header in headers {
            guard let longer = curl_slist_append(list, header) else { break }
            list = longer
        }
        defer { curl_slist_free_all(list) }
        let milliseconds = max(1, Int(timeout / .milliseconds(1)))
        let discard: em_curl_line_callback = { _, size, count, _ in size * count }
        let status = body.withUnsafeBufferPointer { bytes in
            let options = [
                em_curl_set_string(easy, CURLOPT_URL, url),
                em_curl_set_string(easy, CURLOPT_PROTOCOLS_STR, "http,https"),
                em_curl_set_string(easy, CURLOPT_PROXY, ""),
                em_curl_set_long(easy, CURLOPT_NOSIGNAL, 1),
                em_curl_set_long(easy, CURLOPT_TIMEOUT_MS, milliseconds),
                em_curl_set_long(easy, CURLOPT_POSTFIELDSIZE, body.count),
                // Read during `perform`, which ends before the bytes do.
                em_curl_set_pointer(easy, CURLOPT_POSTFIELDS, UnsafeMutableRawPointer(mutating: bytes.baseAddress)),
                em_curl_set_list(easy, CURLOPT_HTTPHEADER, list),
                em_curl_set_body_callback(easy, discard, nil),
            ]
            return options.first { $0 != CURLE_OK } ?? curl_easy_perform(easy)
        }
        guard status == CURLE_OK else {
            return .failure(HTTPClientError(description: String(cString: curl_easy_strerror(status))))
        }
        return .success(em_curl_get_long(easy, CURLINFO_RESPONSE_CODE))
    }
}
