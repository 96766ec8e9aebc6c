import FoundationEssentials

/// Where mail is handed in: `smtp://[user:password@]host[:port][/ehlo-name][?tls=required|off][&ca=/path.pem]`, or
/// `smtps://…` for TLS from the first byte.
///
/// With `smtp:` and `tls=required` the connection is upgraded with STARTTLS or given up. Without `tls=` that is also
/// what credentials get, so that they never travel in the clear by oversight; mail without credentials goes plain.
public struct SMTPAddress: Sendable, Hashable {
    let url: String
    let user: String?
    let password: String?
    let requiresTLS: Bool
    let certificateAuthorities: String?

    /// - Throws: `.invalidAddress`, with what is wrong and without the URL, which may hold a password.
    public init(url text: String) throws(SMTPError) {
        guard let components = URLComponents(string: text) else { throw .invalidAddress("not a URL") }
        guard let scheme = components.scheme?.lowercased(), ["smtp", "smtps"].contains(scheme) else {
            throw .invalidAddress("the scheme must be smtp or smtps")
        }
        guard let host = components.host, !host.isEmpty else { throw .invalidAddress("it names no host") }
        guard (components.user == nil) == (components.password == nil) else {
            throw .invalidAddress("user and password go together")
        }
        var tls = scheme == "smtps" || components.user != nil
        var authorities: String?
        for item in components.queryItems ?? [] {
            switch (item.name, item.value) {
            case ("tls", "required"): tls = true
            case ("tls", "off") where scheme == "smtp": tls = false
            case ("ca", let path?) where !path.isEmpty: authorities = path
            default: throw .invalidAddress("it takes tls=required, tls=off (smtp: only) and ca=/path")
            }
        }
        let port = components.port.map { ":\($0)" } ?? ""
        url = "\(scheme)://\(host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host)\(port)\(components.path)"
        user = components.user
        password = components.password
        requiresTLS = tls
        certificateAuthorities = authorities
    }
}

extension SMTPAddress: CustomStringConvertible {
    /// Scheme, host and port; never the credentials.
    public var description: String { url }
}
