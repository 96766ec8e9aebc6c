import FoundationEssentials

/// Where a broker is, how to log in, and how patient to be.
public struct BrokerAddress: Sendable, CustomStringConvertible {
    public var host: String
    public var port: Int
    public var virtualHost: String
    public var user: String
    var password: String
    /// A PEM file of certificate authorities when the connection is TLS (`amqps`), else nil.
    public var certificateAuthorities: String?
    /// For connecting, for the handshake and for each answer of the broker.
    public var timeout: Duration = .seconds(5)
    /// Either side that hears nothing for two of these takes the other for dead. Whole seconds, at least 1.
    public var heartbeat: Duration = .seconds(10)

    /// Debian's bundle, used unless the URL names another file with `?cacertfile=`.
    static let defaultCertificateAuthorities = "/etc/ssl/certs/ca-certificates.crt"

    /// Reads `amqp://user:password@host:port/vhost` or `amqps://…`, parts percent-encoded
    /// (https://www.rabbitmq.com/docs/uri-spec). An empty path means the virtual host `/`; query parameters:
    /// `heartbeat` and `connection_timeout` as there (seconds, milliseconds), `cacertfile`.
    /// - Throws: `.invalidURL`, with a reason that doesn't repeat the URL.
    public init(url: String) throws(BrokerError) {
        guard let parts = URLComponents(string: url) else { throw BrokerError(.invalidURL("not a URL")) }
        guard parts.scheme == "amqp" || parts.scheme == "amqps" else {
            throw BrokerError(.invalidURL("its scheme is not amqp or amqps"))
        }
        guard let host = parts.host, !host.isEmpty else { throw BrokerError(.invalidURL("it names no host")) }
        let secure = parts.scheme == "amqps"
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        port = parts.port ?? (secure ? 5671 : 5672)
        user = parts.user ?? "guest"
        password = parts.password ?? "guest"
        guard !parts.percentEncodedPath.dropFirst().contains("/") else {
            throw BrokerError(.invalidURL("its path is not one percent-encoded virtual host"))
        }
        let path = parts.path.dropFirst()
        virtualHost = path.isEmpty ? "/" : String(path)
        guard (1...65535).contains(port) else { throw BrokerError(.invalidURL("its port is out of range")) }
        certificateAuthorities = secure ? Self.defaultCertificateAuthorities : nil
        for item in parts.queryItems ?? [] {
            switch (item.name, item.value, item.value.flatMap { Int($0) }) {
            case ("heartbeat", _, let seconds?) where (1...3600).contains(seconds): heartbeat = .seconds(seconds)
            case ("connection_timeout", _, let milliseconds?) where (1...600_000).contains(milliseconds):
                timeout = .milliseconds(milliseconds)
            case ("cacertfile", let file?, _) where secure: certificateAuthorities = file
            default: throw BrokerError(.invalidURL("its parameter \(item.name) is unknown or out of range"))
            }
        }
        // C strings carry these: a null byte would cut them short in silence.
        guard ![self.host, virtualHost, user, password].contains(where: { $0.utf8.contains(0) }) else {
            throw BrokerError(.invalidURL("it holds a null byte"))
        }
    }

    /// Host, port and virtual host; no credentials.
    public var description: String {
        "\(certificateAuthorities == nil ? "amqp" : "amqps")://\(host):\(port)/\(virtualHost)"
    }
}
