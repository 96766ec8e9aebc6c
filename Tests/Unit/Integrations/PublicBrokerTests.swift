@testable import api_service
import AMQP
import Testing

@Suite("The broker's public address")
struct PublicBrokerTests {
    @Test("is taken as it is given, and holds no credentials")
    func given() throws {
        #expect(try PublicBroker.url("amqps://broker.example.com:5671/") == "amqps://broker.example.com:5671")
        #expect(try PublicBroker.url("amqp://10.0.0.1") == "amqp://10.0.0.1")
        for wrong in [
            "", "broker.example.com", "https://a", "amqp://user@a", "amqp://u:p@a", "amqp://a/vhost", "amqp://",
        ] {
            #expect(throws: PublicBroker.Refusal.self, "\(wrong)") { try PublicBroker.url(wrong) }
        }
    }

    @Test("is that of the service's own connection otherwise, without its user")
    func own() throws {
        let broker = try BrokerAddress(url: "amqps://em_api:secret@[::1]:5999/%2f")
        #expect(PublicBroker.url(of: broker) == "amqps://[::1]:5999")
    }
}
