import AMQP
import FoundationEssentials

/// The broker's public address: `EM_AMQP_PUBLIC_URL`, or else the host and port that this service uses itself.
enum PublicBroker {
    struct Refusal: Error, CustomStringConvertible {
        let description = "must be amqp:// or amqps:// with a host, an optional port and nothing else"
    }

    /// - Throws: ``Refusal``; in particular for credentials, because the address is public.
    static func url(_ text: String) throws -> String {
        guard let parts = URLComponents(string: text), parts.scheme == "amqp" || parts.scheme == "amqps",
            let host = parts.host, !host.isEmpty, parts.user == nil, parts.password == nil, parts.query == nil,
            parts.fragment == nil, parts.path.isEmpty || parts.path == "/"
        else { throw Refusal() }
        return text.hasSuffix("/") ? String(text.dropLast()) : text
    }

    static func url(of broker: BrokerAddress) -> String {
        let host = broker.host.contains(":") ? "[\(broker.host)]" : broker.host
        return "\(broker.certificateAuthorities == nil ? "amqp" : "amqps")://\(host):\(broker.port)"
    }
}
