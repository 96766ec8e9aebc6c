import Domain

/// The public origin of the product, as browsers write it in `Origin` (WHATWG URL, "origin"): scheme, host and port
/// only.
///
/// Compared with what browsers send, so that another spelling is refused at startup instead of everyone's requests
/// later: non-ASCII names (browsers send `xn--…`), short forms of IPv4 addresses. IPv6 addresses are canonicalized as
/// browsers do.
public struct PublicURL: Sendable, Hashable, CustomStringConvertible {
    /// The `Origin` sent by browsers: `https://events.example.com`, `http://localhost:8080`, `http://[2001:db8::1]`.
    public let origin: String
    /// Whether cookies can be marked `Secure`.
    public let isSecure: Bool
    /// The host without its port; an IPv6 address in brackets.
    public let host: String
    /// Whether it is this machine, for which browsers consider a plain connection secure.
    public var isLocal: Bool {
        host == "localhost" || host.hasSuffix(".localhost") || host.hasPrefix("127.") || host == "[::1]"
    }

    /// - Throws: ``Problem`` if `text` is not `http(s)://host[:port]`, with or without a trailing slash.
    public init(_ text: String) throws {
        let form = Problem("must look like https://events.example.com or http://localhost:8080")
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Problem("must be written in ASCII: an international name as browsers send it, xn--…")
        }
        let lowered = text.lowercased()
        guard let scheme = ["http", "https"].first(where: { lowered.hasPrefix("\($0)://") }) else { throw form }
        var rest = lowered.dropFirst(scheme.count + 3)
        if rest.hasSuffix("/") { rest.removeLast() }
        let host: Substring
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { throw form }
            host = rest[...end]
        } else {
            host = rest.prefix { $0 != ":" }
        }
        self.host = try Self.host(String(host), orElse: form)
        isSecure = scheme == "https"
        let port = try Self.port(rest[host.endIndex...], usual: isSecure ? 443 : 80, orElse: form)
        origin = "\(scheme)://\(self.host)" + (port.map { ":\($0)" } ?? "")
    }

    /// What follows the host; nil for the scheme's default port.
    private static func port(_ text: Substring, usual: Int, orElse form: Problem) throws -> Int? {
        if text.isEmpty || text == ":" { return nil }
        guard text.hasPrefix(":"), text.dropFirst().utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = Int(text.dropFirst()), (1...65_535).contains(port)
        else { throw form }
        return port == usual ? nil : port
    }

    private static func host(_ text: String, orElse form: Problem) throws -> String {
        if text.hasPrefix("[") {
            guard let address = IPAddress(String(text.dropFirst().dropLast())), address.bytes.count == 16 else {
                throw Problem("must have an IPv6 address in its brackets, without a zone and not one of IPv4's")
            }
            return "[\(compressed(address.bytes))]"
        }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= 253, labels.allSatisfy(isLabel) else { throw form }
        // Browsers treat a name whose last label is a number, 0x… included, as an IPv4 address.
        if let last = labels.last, Int(last) != nil || last.hasPrefix("0x"), IPAddress(text)?.bytes.count != 4 {
            throw Problem("must have an IPv4 address in four decimal numbers, 192.0.2.1")
        }
        return text
    }

    private static func isLabel(_ label: Substring) -> Bool {
        let isPlain = label.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2D || byte == 0x5F
        }
        return (1...63).contains(label.utf8.count) && isPlain && !label.hasPrefix("-") && !label.hasSuffix("-")
    }

    /// Browsers' canonical spelling: eight hexadecimal numbers, the first longest run of two or more zeros omitted.
    private static func compressed(_ bytes: [UInt8]) -> String {
        let pieces = stride(from: 0, to: 16, by: 2).map { Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]) }
        var longest = 0..<0
        for start in pieces.indices {
            let end = pieces[start...].firstIndex { $0 != 0 } ?? pieces.endIndex
            if end - start > max(longest.count, 1) { longest = start..<end }
        }
        func joined(_ part: ArraySlice<Int>) -> String { part.map { String($0, radix: 16) }.joined(separator: ":") }
        guard !longest.isEmpty else { return joined(pieces[...]) }
        return joined(pieces[..<longest.lowerBound]) + "::" + joined(pieces[longest.upperBound...])
    }

    /// An absolute link into the product.
    /// - Parameter path: starts with a slash.
    public func link(_ path: String) -> String { origin + path }

    public var description: String { origin }
}
