import Redis
import Testing

@Suite("Redis addresses")
struct RedisAddressTests {
    @Test("host, port and database come from the URL, with Redis' defaults")
    func parts() throws {
        let full = try RedisAddress(url: "redis://who:se%3Acret@cache.example:6380/3")
        #expect(full.host == "cache.example")
        #expect(full.port == 6380)
        #expect(full.database == 3)
        let short = try RedisAddress(url: "redis://127.0.0.1")
        #expect(short.port == 6379)
        #expect(short.database == 0)
        #expect(try RedisAddress(url: "redis://[::1]:7000/").host == "::1")
    }

    @Test("rediss asks for TLS, with the system's authorities or those of a file")
    func tls() throws {
        #expect(try RedisAddress(url: "redis://cache").certificateAuthorities == nil)
        #expect(try RedisAddress(url: "rediss://cache").certificateAuthorities == "/etc/ssl/certs/ca-certificates.crt")
        #expect(
            try RedisAddress(url: "rediss://u:p@cache:6380/1?ca=/run/ca.pem").certificateAuthorities == "/run/ca.pem")
    }

    @Test("the description holds no password")
    func description() throws {
        let address = try RedisAddress(url: "redis://:hunter2@cache:6379/0")
        #expect("\(address)" == "cache:6379/0")
    }

    @Test(
        "what can't be used is refused with a reason that does not repeat it",
        arguments: [
            "http://cache", "rediss://cache?hunter2=1", "rediss://cache?ca=", "redis://cache?ca=/x.pem", "redis://",
            "redis://cache/abc", "redis://cache/-1",
            "redis://cache:99999",
            "redis://cache/0?x=hunter2", "not a url",
        ])
    func refused(url: String) {
        let error = #expect(throws: RedisError.self) { try RedisAddress(url: url) }
        #expect(error?.isRetriable == false)
        #expect(error.map { "\($0)".contains("hunter2") } == false)
    }
}
