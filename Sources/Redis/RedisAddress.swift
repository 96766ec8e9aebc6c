import FoundationEssentials

/// Where a Redis server is and who we are there, read from a URL such as `redis://:secret@cache:6379/0`.
///
/// The description leaves user and password out, so that an address may be logged.
public struct RedisAddress: Sendable, Equatable, CustomStringConvertible {
    /// Host name, IPv4 address, or IPv6 address without brackets.
    public let host: String
    /// TCP port; 6379 when the URL names none.
    public let port: Int
    /// The database that is selected after connecting.
    public let database: Int
    /// A PEM file of certificate authorities when the connection is TLS (`rediss`), else nil.
    public let certificateAuthorities: String?
    let user: String?
    let password: String?

    /// Debian's bundle, used unless the URL names another file with `?ca=`.
    static let defaultCertificateAuthorities = "/etc/ssl/certs/ca-certificates.crt"

    /// Reads `redis://[[user]:password@]host[:port][/database]`, or `rediss://…[?ca=/path.pem]` for TLS with a verified
    /// certificate; user and password may be percent-encoded.
    ///
    /// - Throws: ``RedisError`` with kind `invalidURL`; the reason never repeats the URL, which may hold a password.
    public init(url: String) throws(RedisError) {
        guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased() else {
            throw RedisError(.invalidURL("it can't be read as a URL"))
        }
        guard scheme == "redis" || scheme == "rediss" else {
            throw RedisError(.invalidURL("the scheme must be redis or rediss"))
        }
        guard var host = parts.host, !host.isEmpty else { throw RedisError(.invalidURL("the host is missing")) }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard (1...65_535).contains(parts.port ?? 6379) else {
            throw RedisError(.invalidURL("the port is out of range"))
        }
        var authorities = scheme == "rediss" ? Self.defaultCertificateAuthorities : nil
        for item in parts.queryItems ?? [] {
            guard scheme == "rediss", item.name == "ca", let path = item.value, !path.isEmpty else {
                throw RedisError(.invalidURL("it takes no query but ca= (with rediss:)"))
            }
            authorities = path
        }
        guard parts.fragment == nil else { throw RedisError(.invalidURL("it takes no fragment")) }
        let path = parts.path.drop { $0 == "/" }
        guard let database = path.isEmpty ? 0 : Int(path), database >= 0 else {
            throw RedisError(.invalidURL("the path must be a database number"))
        }
        self.host = host
        self.port = parts.port ?? 6379
        self.database = database
        certificateAuthorities = authorities
        self.user = parts.user.flatMap { $0.isEmpty ? nil : $0 }
        self.password = parts.password.flatMap { $0.isEmpty ? nil : $0 }
    }

    public var description: String { "\(host):\(port)/\(database)" }
}
