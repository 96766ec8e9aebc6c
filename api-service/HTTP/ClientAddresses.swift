import Bootstrap
import HTTPTypes
import Hummingbird
import NIOCore

struct RequestOrigin: Sendable, Hashable {
    /// The client's address, behind trusted proxies.
    var address: String
    /// The key of per-address limits: see ``TrustedProxies/network(of:)``.
    var network: String
    /// The browser's User-Agent.
    var device: String?
}

/// Determines the origin of requests, behind trusted proxies.
struct ClientAddresses: Sendable {
    let proxies: TrustedProxies

    func origin(of request: Request, _ context: APIContext) -> RequestOrigin {
        let peer = context.peer?.ipAddress ?? "unknown"
        let address = proxies.client(peer: peer, forwardedFor: request.headers[values: .forwardedFor])
        return RequestOrigin(
            address: address, network: TrustedProxies.network(of: address), device: request.device)
    }
}

extension Request {
    /// The User-Agent, by which the session's owner recognizes it: visible ASCII, truncated.
    fileprivate var device: String? {
        guard let agent = headers[.userAgent] else { return nil }
        let shown = agent.unicodeScalars.filter { (0x20...0x7E).contains($0.value) }.prefix(200)
        var text = String.UnicodeScalarView()
        text.append(contentsOf: shown)
        return text.isEmpty ? nil : String(text)
    }
}
