import Domain
import Testing

@testable import Webhooks

@Suite("Addresses of webhooks")
struct WebhookURLTests {
    @Test(
        "an address inside is refused in every form, when it is given",
        arguments: [
            "127.0.0.1", "[::1]", "169.254.169.254", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1",
            "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
            "[fe80::1]", "[fd00::1]", "10.0.0.1", "100.64.0.1", "0.0.0.0", "[::]", "224.0.0.1", "127.0.0.1.",
            "localhost", "LOCALHOST", "api.localhost", "localhost.", "postgres", "%31%32%37.0.0.1", "127.0.0.1%00.com",
            "[fe80::1%25eth0]", "１２７.0.0.1",
        ])
    func inside(host: String) {
        for scheme in ["https", "http"] {
            #expect(throws: WebhookURL.Refusal.self) { try WebhookURL("\(scheme)://\(host)/hook", rule: AddressRule()) }
        }
    }

    @Test(
        "what isn't an address of the web is refused",
        arguments: [
            "", "example.com", "//example.com", "ftp://example.com", "file:///etc/passwd", "gopher://example.com",
            "https://", "https:///path", "https://user:secret@example.com/", "https://user@example.com/",
            "https://example.com/#part", "https://example.com:22/", "https://example.com:25/", "https://example.com:0/",
            "https://example.com:70000/", "https://exa mple.com/", "https://example.com/\n", "http://example.com/",
            "http://93.184.216.34/", "https://example.com/" + String(repeating: "x", count: 2000),
        ])
    func refused(text: String) {
        #expect(throws: WebhookURL.Refusal.self) { try WebhookURL(text, rule: AddressRule()) }
    }

    @Test(
        "addresses of the internet are taken",
        arguments: [
            "https://example.com", "https://example.com/hooks?token=x", "https://example.com:8443/",
            "https://93.184.216.34/", "https://[2606:4700::1111]/hook", "HTTPS://Example.com/",
        ])
    func taken(text: String) throws {
        let url = try WebhookURL(text, rule: AddressRule())
        #expect(url.isEncrypted && url.text == text)
    }

    @Test("with ranges let through, those may be named, in the clear too; and other addresses are refused as before")
    func allowed() throws {
        let rule = AddressRule(allowed: try #require(AddressRange.list("127.77.0.0/16")))
        for text in ["http://127.77.0.1:9000/", "https://127.77.0.1/", "http://receiver:8080/", "https://example.com/"]
        {
            _ = try WebhookURL(text, rule: rule)
        }
        for text in [
            "http://127.0.0.1:9000/", "https://[::1]/", "https://169.254.169.254/", "http://93.184.216.34/",
            "http://localhost:9000/", "https://api.localhost/",
        ] {
            #expect(throws: WebhookURL.Refusal.self) { try WebhookURL(text, rule: rule) }
        }
        _ = try WebhookURL(
            "http://localhost:9000/", rule: AddressRule(allowed: try #require(AddressRange.list("::1/128"))))
    }
}
