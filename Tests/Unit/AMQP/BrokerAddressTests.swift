import AMQP
import Testing

@Suite("Broker addresses")
struct BrokerAddressTests {
    @Test("every part is read and percent-decoded")
    func parts() throws {
        let address = try BrokerAddress(url: "amqp://em%40svc:p%3Ass@broker.test:5673/em%2Fdemo")
        #expect(address.host == "broker.test")
        #expect(address.port == 5673)
        #expect(address.user == "em@svc")
        #expect(address.virtualHost == "em/demo")
        #expect(address.certificateAuthorities == nil)
    }

    @Test(
        "what is left out has RabbitMQ's defaults",
        arguments: [("amqp://h", 5672), ("amqp://h/", 5672), ("amqps://h", 5671)])
    func defaults(url: String, port: Int) throws {
        let address = try BrokerAddress(url: url)
        #expect(address.port == port)
        #expect(address.virtualHost == "/")
        #expect(address.user == "guest")
        #expect((address.certificateAuthorities != nil) == url.hasPrefix("amqps"))
    }

    @Test("IPv6 hosts lose their brackets, and query parameters set the patience")
    func addressAndParameters() throws {
        let address = try BrokerAddress(url: "amqp://[::1]:5672/?heartbeat=3&connection_timeout=1500")
        #expect(address.host == "::1")
        #expect(address.heartbeat == .seconds(3))
        #expect(address.timeout == .milliseconds(1500))
    }

    @Test(
        "what is no broker address is refused without repeating it",
        arguments: [
            "", "http://h/", "amqp://", "amqp://h:0", "amqp://h/a/b", "amqp://h/?frobnicate=secret",
            "amqp://h/?heartbeat=x", "amqp://u:secret@h/?cacertfile=/x",
        ])
    func invalid(url: String) throws {
        let error = try #require(throws: BrokerError.self) { try BrokerAddress(url: url) }
        #expect(!error.description.contains("secret"))
        #expect(!error.isRetriable)
    }

    @Test("the description holds no password")
    func description() throws {
        let address = try BrokerAddress(url: "amqp://u:hush@h:1/v")
        #expect(!"\(address)".contains("hush"))
    }
}
