public import Domain
import FoundationEssentials

/// A URL that deliveries can be sent to, as far as can be checked before its name is resolved.
public struct WebhookURL: Sendable, Hashable {
    public let text: String
    public let isEncrypted: Bool

    /// What is wrong with a URL; continues "url …".
    public struct Refusal: Error, Sendable, Hashable {
        public let violation: FieldViolation
    }

    /// - Throws: ``Refusal``, with the requirement.
    public init(_ text: String, rule: AddressRule) throws(Refusal) {
        guard (1...2000).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            let parts = URLComponents(string: text), let host = parts.percentEncodedHost?.lowercased(), !host.isEmpty,
            !host.contains("%")
        else { throw Refusal(violation: .notAURL) }
        guard let scheme = parts.scheme?.lowercased(), scheme == "https" || scheme == "http" else {
            throw Refusal(violation: .notHTTPS)
        }
        guard parts.user == nil, parts.password == nil else {
            throw Refusal(violation: .containsCredentials)
        }
        guard parts.fragment == nil else { throw Refusal(violation: .containsFragment) }
        isEncrypted = scheme == "https"
        try Self.check(port: parts.port)
        try Self.check(host: host, isEncrypted: isEncrypted, rule)
        self.text = text
    }

    /// The web's ports, and those above the system ports.
    private static func check(port: Int?) throws(Refusal) {
        guard let port else { return }
        guard port == 80 || port == 443 || (1024...65_535).contains(port) else {
            throw Refusal(violation: .portNotAllowed)
        }
    }

    private static func check(host: String, isEncrypted: Bool, _ rule: AddressRule) throws(Refusal) {
        let bare =
            host.hasPrefix("[")
            ? String(host.dropFirst().dropLast()) : String(host.trimmingSuffix(while: { $0 == "." }))
        if let address = IPAddress(anyForm: bare) {
            if rule.permits(address, isEncrypted: isEncrypted) { return }
            let isInside = !rule.permits(address, isEncrypted: true)
            throw Refusal(violation: isInside ? .privateAddress : .notHTTPS)
        }
        // The address of a name is known only when it is used; but these are fixed everywhere (RFC 6761 §6.3).
        if bare == "localhost" || bare.hasSuffix(".localhost") {
            guard loopback.contains(where: { rule.permits($0, isEncrypted: isEncrypted) }) else {
                throw Refusal(violation: .privateAddress)
            }
        }
        if !bare.contains("."), rule.allowed.isEmpty { throw Refusal(violation: .localHost) }
        if !isEncrypted, rule.allowed.isEmpty { throw Refusal(violation: .notHTTPS) }
    }

    private static let loopback = [IPAddress([127, 0, 0, 1]), IPAddress([UInt8](repeating: 0, count: 15) + [1])]
}

extension String {
    fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> Substring {
        var rest = self[...]
        while let last = rest.last, predicate(last) { rest.removeLast() }
        return rest
    }
}
