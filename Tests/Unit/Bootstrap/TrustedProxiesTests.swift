import Bootstrap
import Testing

@Suite("Trusted proxies")
struct TrustedProxiesTests {
    @Test(
        "the client is the first address from the right that no trusted proxy has",
        arguments: [
            ("203.0.113.9", [], "203.0.113.9"),
            ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  // a stranger may say what it likes
            ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1", ["1.2.3.4, 198.51.100.1"], "198.51.100.1"),  // what the client itself put there
            ("127.0.0.1", ["1.2.3.4", "198.51.100.1, 10.1.2.3"], "198.51.100.1"),
            ("127.0.0.1", ["10.1.2.3"], "10.1.2.3"),
            ("127.0.0.1", ["nonsense"], "127.0.0.1"),
            ("127.0.0.1", [], "127.0.0.1"),
            ("::1", ["2001:db8::7"], "2001:db8::7"),
            ("::ffff:127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ])
    func client(peer: String, forwarded: [String], expected: String) throws {
        let proxies = try TrustedProxies("127.0.0.0/8, ::1,10.0.0.0/9")
        #expect(proxies.client(peer: peer, forwardedFor: forwarded) == expected)
    }

    @Test(
        "ranges end where they say",
        arguments: [
            ("10.127.255.255", true), ("10.128.0.0", false), ("2001:db8:0:1::9", true), ("2001:db8:0:2::9", false),
        ])
    func ranges(address: String, isTrusted: Bool) throws {
        #expect(try TrustedProxies("10.0.0.0/9 2001:db8:0:1::/64").trusts(address) == isTrusted)
    }

    @Test("what is no range is refused", arguments: ["localhost", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/x"])
    func refused(text: String) {
        #expect(throws: (any Error).self) { try TrustedProxies(text) }
    }

    @Test("limits count IPv4 addresses singly, and of IPv6 the network of one subscriber")
    func networks() {
        #expect(TrustedProxies.network(of: "203.0.113.9") == "203.0.113.9")
        for spelling in ["::ffff:203.0.113.9", "::ffff:cb00:7109", "0:0:0:0:0:FFFF:203.0.113.9"] {
            #expect(TrustedProxies.network(of: spelling) == "203.0.113.9")
        }
        #expect(TrustedProxies.network(of: "2001:db8:0:1::9") == TrustedProxies.network(of: "2001:db8:0:1:ffff::1"))
        #expect(TrustedProxies.network(of: "2001:db8:0:1::9") != TrustedProxies.network(of: "2001:db8:0:2::9"))
        #expect(TrustedProxies.network(of: "unknown") == "unknown")
    }
}
