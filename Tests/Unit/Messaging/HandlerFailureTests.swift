import AMQP
import Domain
import Testing

@testable import Messaging

@Suite("What a handler's error means")
struct HandlerFailureTests {
    private struct Unforeseen: Error {}

    @Test("a stopping worker hands back")
    func cancelled() {
        #expect(HandlerFailure(CancellationError()) == .release)
    }

    @Test("data of another shape will not change: it is parked")
    func undecodable() throws {
        let error = #expect(throws: (any Error).self) {
            try WireJSON.decode(RegistrationData.self, from: Array("{}".utf8))
        }
        #expect(HandlerFailure(try #require(error)) == .disposition(.park(reason: "undecodable-data")))
    }

    @Test("what nobody foresaw is tried again")
    func unforeseen() {
        #expect(HandlerFailure(Unforeseen()) == .disposition(.retry(reason: "handler-failed")))
    }

    @Test("a broker that is away is waited for")
    func broker() {
        #expect(HandlerFailure(BrokerError(.unreachable(""))) == .dependencyUnreachable(reason: "broker-away"))
    }
}

@Suite("Waking up")
struct WakeSignalTests {
    @Test("a signal before the wait is remembered, once")
    func remembered() async {
        let signal = WakeSignal()
        signal.signal()
        signal.signal()
        await signal.wait()
        let waiting = Task { await signal.wait() }
        signal.signal()
        await waiting.value
    }

    @Test("a cancelled wait ends")
    func cancelled() async {
        let signal = WakeSignal()
        let waiting = Task { await signal.wait() }
        waiting.cancel()
        await waiting.value
    }
}
