import Bootstrap
import FoundationEssentials
import Testing

@Suite("Settings")
struct SettingsReaderTests {
    @Test("every problem is reported at once, by name and without values")
    func allProblems() throws {
        var reader = SettingsReader(environment: [
            "EM_HTTP_PORT": "seventy", "EM_PUBLIC_URL": "ftp://nowhere/x?y", "EM_LOG_LEVEL": "loud", "EM_SECRET": "",
        ])
        _ = CommonSettings.read(&reader)
        _ = reader.value("EM_SECRET", secret: true) { $0 }
        let error = try #require(throws: SettingsError.self) { try reader.finish() }
        #expect(error.problems.count == 4)
        for name in ["EM_HTTP_PORT", "EM_PUBLIC_URL", "EM_LOG_LEVEL", "EM_SECRET"] {
            #expect(error.problems.contains { $0.hasPrefix(name) })
        }
        #expect(!error.description.contains("seventy"))
        #expect(!error.description.contains("nowhere"))
    }

    @Test("good settings are read, with their defaults")
    func goodSettings() throws {
        var reader = SettingsReader(environment: [
            "EM_HTTP_PORT": "8081", "EM_PUBLIC_URL": "https://Events.example.com:443/", "EM_DRAIN_DELAY": "0.5",
            "EM_RATE_LIMIT": "off",
        ])
        let common = CommonSettings.read(&reader)
        try reader.finish()
        #expect(common.value.port == 8081)
        #expect(common.value.host == "127.0.0.1")
        #expect(common.value.publicURL.origin == "https://events.example.com")
        #expect(common.value.publicURL.isSecure)
        #expect(common.value.drainDelay == .milliseconds(500))
        #expect(common.value.rateLimits == false)
    }

    @Test("a value may come from a file, without its line break")
    func fromFile() throws {
        let path = "\(FileManager.default.temporaryDirectory.path)/em-setting-\(UUID())"
        try Data("s3cret\n".utf8).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        var reader = SettingsReader(environment: ["EM_KEY_FILE": path, "EM_GONE_FILE": path + "-gone"])
        let key = reader.string("EM_KEY")
        _ = reader.string("EM_GONE")
        let error = try #require(throws: SettingsError.self) { try reader.finish() }
        #expect(error.problems == ["EM_GONE_FILE names a file that cannot be read"] || error.problems.count == 2)
        #expect(key.value == "s3cret")
    }

    @Test("the summary for the log shows no secret and no password")
    func summary() throws {
        var reader = SettingsReader(environment: [
            "EM_KEY": "verysecret", "EM_DATABASE_URL": "postgres://em:p%40ss@db.local:5432/em", "EM_NAME": "x",
            "EM_DEMO": "true",
        ])
        _ = reader.value("EM_KEY", secret: true) { $0 }
        _ = reader.url("EM_DATABASE_URL") { $0 }
        _ = reader.string("EM_NAME")
        try reader.finish()
        let text = "\(reader.summary)"
        #expect(!text.contains("verysecret"))
        #expect(!text.contains("p%40ss"))
        #expect(text.contains("db.local:5432"))
    }

    @Test(
        "a service starts with no missing, short or placeholder password, unless it is the demo",
        arguments: [
            ("postgres://em_service@db/em", "no password"), ("redis://127.0.0.1:6379/0", "no password"),
            ("amqp://em:@mq/", "no password"), ("amqp://em:guest@mq/", "fewer than 16"),
            ("postgres://em:changeme-changeme-changeme@db/em", "placeholder"),
            ("redis://:0000000000000000000000@cache/0", "placeholder"), ("redis://:9f86d081884c7d659a2f@cache/0", nil),
            ("postgres://em@db/em?sslcert=/run/client.pem", nil),
        ])
    func weakSecrets(address: String, complaint: String?) throws {
        var reader = SettingsReader(environment: ["EM_ADDRESS": address])
        _ = reader.url("EM_ADDRESS") { $0 }
        if let complaint {
            let error = try #require(throws: SettingsError.self) { try reader.finish() }
            #expect(error.problems.count == 1 && error.problems[0].contains(complaint))
            #expect(!error.description.contains("changeme") && !error.description.contains("0000"))
        } else {
            try reader.finish()
        }
        var demo = SettingsReader(environment: ["EM_ADDRESS": address, "EM_DEMO": "true"])
        _ = demo.url("EM_ADDRESS") { $0 }
        try demo.finish()
    }

    @Test("a mail server may do without a password, but not with a placeholder")
    func mailPassword() throws {
        for (address, isGood) in [
            ("smtp://mail:25", true), ("smtp://me:short1@mail", true), ("smtp://me:changeme@mail", false),
        ] {
            var reader = SettingsReader(environment: ["EM_SMTP_URL": address])
            _ = reader.url("EM_SMTP_URL", needsPassword: false) { $0 }
            if isGood { try reader.finish() } else { #expect(throws: SettingsError.self) { try reader.finish() } }
        }
    }

    @Test(
        "a public address is an origin and nothing more",
        arguments: [
            "http://localhost:8080/app", "localhost:8080", "https://user@host", "https://", "javascript:alert(1)",
            "https://a.example?b", "https://a.example#b", "https://a.example//", "https://a..example",
            "https://a.example.",
            "https://-a.example", "https://a b.example", "https://a.example:0", "https://a.example:65536",
            "https://a.example:+1", "https://bücher.example", "https://例え.jp", "https://a%2Eb.example",
            "http://127.1:8080", "http://0x7f000001", "http://2130706433", "http://192.0.2.01", "http://192.0.2.1.5",
            "http://::1", "http://::1:8080", "http://[::1", "http://[::1]8080", "http://[fe80::1%25eth0]",
            "http://[::ffff:192.0.2.1]", "http://[192.0.2.1]", "http://[]",
        ])
    func refusedPublicURL(text: String) {
        #expect(throws: Problem.self) { try PublicURL(text) }
    }

    @Test(
        "a public address is what browsers send as their origin",
        arguments: [
            ("https://Events.Example.com/", "https://events.example.com"),
            ("HTTP://localhost:8080", "http://localhost:8080"),
            ("https://a.example:443", "https://a.example"), ("http://a.example:80/", "http://a.example"),
            ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
            ("http://my_host:81", "http://my_host:81"),
            ("http://1server", "http://1server"), ("http://192.0.2.1:8080", "http://192.0.2.1:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"), ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
            ("https://[2001:DB8:0:0:1:0:0:1]", "https://[2001:db8::1:0:0:1]"),
            ("https://[2001:db8:0:1:1:1:1:1]:443", "https://[2001:db8:0:1:1:1:1:1]"), ("http://[::]", "http://[::]"),
            ("http://[1::]", "http://[1::]"),
        ])
    func publicURL(text: String, origin: String) throws {
        #expect(try PublicURL(text).origin == origin)
    }

    @Test("this machine is known by each of its names")
    func localPublicURL() throws {
        for text in ["http://localhost", "http://a.localhost:81", "http://127.0.0.9", "http://[0::1]:8080"] {
            #expect(try PublicURL(text).isLocal, "\(text)")
        }
        for text in ["http://localhost.example", "http://[::2]", "http://128.0.0.1"] {
            #expect(try !PublicURL(text).isLocal, "\(text)")
        }
    }
}
