import Bootstrap
import HTTPTypes
import Hummingbird
import NIOCore

/// Where a request comes from.
struct RequestOrigin: Sendable, Hashable {
    /// The client's, past the proxies that are trusted.
    var address: String
    /// What limits per address count by: see ``TrustedProxies/network(of:)``.
    var network: String
    /// What the browser says it is.
    var device: String?
}

/// Finds out where requests come from, past the proxies that are trusted.
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
    /// What the browser says it is, for the owner of the session to recognize it by: visible ASCII, cut.
    fileprivate var device: String? {
        guard let agent = headers[.userAgent] else { return nil }
        let shown = agent.unicodeScalars.filter { (0x20...0x7E).contains($0.value) }.prefix(200)
        var text = String.UnicodeScalarView()
        text.append(contentsOf: shown)
        return text.isEmpty ? nil : String(text)
    }
}
