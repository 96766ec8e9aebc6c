import Testing

@testable import AMQP

@Suite("The window of unconfirmed messages")
struct ConfirmWindowTests {
    private let batch: PublishBatch
    private var window = ConfirmWindow()

    init() {
        batch = PublishBatch(count: 5, deadline: .now + .seconds(60))
        for index in 0..<5 {
            let message = Message(
                exchange: "x", routingKey: "k", body: [UInt8(index)], properties: .init(messageID: "\(index)"))
            window.append(PendingPublish(message: message, encodedHeaders: [], batch: batch, index: index))
        }
    }

    private func outcomes() async -> [BrokerError.Kind?] {
        await batch.outcomes().map { outcome in
            if case .failure(let error) = outcome { error.kind } else { nil }
        }
    }

    @Test("tags count from 1; an ack of many settles all up to it")
    mutating func multiple() async {
        window.settle(3, multiple: true, .success(()))
        #expect(window.count == 2)
        window.settle(5, multiple: false, .failure(BrokerError(.nacked)))
        // Tag 4 is open: the window can't shrink past it.
        #expect(window.count == 2)
        window.settle(4, multiple: false, .success(()))
        #expect(window.count == 0)
        #expect(await outcomes() == [nil, nil, nil, nil, .nacked])
    }

    @Test("a returned message fails although its ack follows, and no other one with it")
    mutating func returned() async {
        let back = Message(exchange: "x", routingKey: "k", body: [2], properties: .init(messageID: "2"))
        window.markReturned(back, BrokerError(.returned(code: 312, text: "NO_ROUTE")))
        window.settle(5, multiple: true, .success(()))
        #expect(await outcomes() == [nil, nil, .returned(code: 312, text: "NO_ROUTE"), nil, nil])
    }

    @Test("tags that were never sent or are settled already change nothing")
    mutating func strangeTags() async {
        window.settle(9, multiple: true, .success(()))
        window.settle(0, multiple: false, .success(()))
        #expect(window.count == 5)
        window.settle(5, multiple: true, .success(()))
        window.settle(2, multiple: true, .failure(BrokerError(.nacked)))
        #expect(await outcomes() == [nil, nil, nil, nil, nil])
    }

    @Test("what is abandoned is unknown when it was sent, and certain when it was not")
    func abandoned() async {
        batch.markSent(1)
        batch.abandon(.cancelled)
        let unknown = await batch.outcomes().map { outcome in
            if case .failure(let error) = outcome { error.outcomeUnknown } else { false }
        }
        #expect(unknown == [true, true, false, false, false])
    }
}
