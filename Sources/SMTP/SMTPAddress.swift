import FoundationEssentials
import Glibc

/// Where mail is handed in: `smtp://[user:password@]host[:port][/ehlo-name][?tls=required|off][&ca=/path.pem]
/// [&auth=plain|login]`, or `smtps://…` for TLS from the first byte.
///
/// With `smtp:` and `tls=required` the connection is upgraded with STARTTLS or given up. Without `tls=` that is also
/// what credentials get, so that they never travel in the clear by oversight; mail without credentials goes plain.
public struct SMTPAddress: Sendable, Hashable {
    /// How the credentials are presented (RFC 4616; `LOGIN` is older and written down nowhere).
    enum Authentication: String { case plain, login }

    let url: String
    let user: String?
    let password: String?
    let requiresTLS: Bool
    let certificateAuthorities: String?
    /// Nil for the best that both sides know.
    let authentication: Authentication?

    /// - Parameter name: what we greet with when the URL says nothing: our own name, or address.
    /// - Throws: `.invalidAddress`, with what is wrong and without the URL, which may hold a password.
    public init(url text: String, greetingAs name: String? = nil) throws(SMTPError) {
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
        var authentication: Authentication?
        for item in components.queryItems ?? [] {
            switch (item.name, item.value) {
            case ("tls", "required"): tls = true
            case ("tls", "off") where scheme == "smtp": tls = false
            case ("ca", let path?) where !path.isEmpty: authorities = path
            case ("auth", let method?) where components.user != nil && Authentication(rawValue: method) != nil:
                authentication = Authentication(rawValue: method)
            default:
                throw .invalidAddress(
                    "it takes tls=required, tls=off (smtp: only), ca=/path, and with a user auth=plain or auth=login")
            }
        }
        let server = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
        let port = components.port.map { ":\($0)" } ?? ""
        var greeting = ""
        if components.path.count > 1 {
            let path = String(components.path.dropFirst())
            guard let name = GreetingName(path), path.contains("[") || Hostname.isWhole(path) else {
                throw .invalidAddress("its path, the name to greet with, must be a host name such as mail.example.com")
            }
            greeting = name.encoded
        } else if let name, let name = GreetingName(name) {
            greeting = name.encoded
        }
        url = "\(scheme)://\(server)\(port)" + (greeting.isEmpty ? "" : "/\(greeting)")
        user = components.user
        password = components.password
        requiresTLS = tls
        certificateAuthorities = authorities
        self.authentication = authentication
    }
}

extension SMTPAddress: CustomStringConvertible {
    /// Scheme, host and port; never the credentials.
    public var description: String { url }
}

/// What a client calls itself in EHLO: a host name, or an address in brackets (RFC 5321 §4.1.3).
struct GreetingName {
    private let text: String

    init?(_ text: String) {
        let bare = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
        let address = bare.lowercased().hasPrefix("ipv6:") ? String(bare.dropFirst(5)) : bare
        if let family = Self.family(of: address) {
            self.text = family == AF_INET6 ? "[IPv6:\(address)]" : "[\(address)]"
        } else if Hostname.isValid(text) {
            self.text = text
        } else {
            return nil
        }
    }

    /// As a URL's path has it.
    var encoded: String {
        text.replacing("[", with: "%5B").replacing("]", with: "%5D").replacing(":", with: "%3A")
    }

    private static func family(of address: String) -> Int32? {
        var bytes = in6_addr()
        return [AF_INET, AF_INET6].first { inet_pton($0, address, &bytes) == 1 }
    }
}

/// A name of the DNS as mail wants it (RFC 1123 §2.1).
enum Hostname {
    static func isValid(_ name: String) -> Bool {
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        return name.utf8.count <= 253 && labels.allSatisfy(isLabel)
            // All digits would be an address gone wrong.
            && labels.last.map { !$0.utf8.allSatisfy { (0x30...0x39).contains($0) } } ?? false
    }

    /// Known beyond its own network; `localhost` is for machines that send to themselves.
    static func isWhole(_ name: String) -> Bool { name.contains(".") || name.lowercased() == "localhost" }

    private static func isLabel(_ label: Substring) -> Bool {
        (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
            && label.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || byte == 0x2D
            }
    }
}
