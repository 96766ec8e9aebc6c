import Bootstrap
import HTTPTypes
import Hummingbird
import NIOCore

/// Finds out where requests come from, past the proxies that are trusted.
struct ClientAddresses: Sendable {
    let proxies: TrustedProxies

    /// What limits per address count by: see ``TrustedProxies/network(of:)``.
    func network(of request: Request, _ context: APIContext) -> String {
        let peer = context.peer?.ipAddress ?? "unknown"
        return TrustedProxies.network(
            of: proxies.client(peer: peer, forwardedFor: request.headers[values: .forwardedFor]))
    }
}

extension Request {
    /// What the browser says it is, for the owner of the session to recognize it by: visible ASCII, cut.
    var device: String? {
        guard let agent = headers[.userAgent] else { return nil }
        let shown = agent.unicodeScalars.filter { (0x20...0x7E).contains($0.value) }.prefix(200)
        var text = String.UnicodeScalarView()
        text.append(contentsOf: shown)
        return text.isEmpty ? nil : String(text)
    }
}
