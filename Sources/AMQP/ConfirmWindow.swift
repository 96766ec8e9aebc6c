/// The messages sent on one channel and not confirmed yet. Publisher confirms number them from 1 in the order of sending
/// (https://www.rabbitmq.com/docs/confirms); librabbitmq leaves the counting to us.
struct ConfirmWindow {
    private struct Entry {
        let pending: PendingPublish
        /// Why it came back; its ack follows and must not count as success.
        var returned: BrokerError?
    }

    /// Entry n stands for the tag `firstTag + n`; nil once settled.
    private var entries: [Entry?] = []
    private var head = 0
    private var firstTag: UInt64 = 1

    /// How many tags lie between the oldest open one and the newest.
    var count: Int { entries.count - head }

    /// The batch of the oldest message that somebody still waits for.
    var firstUnsettled: PublishBatch? {
        for case let entry? in entries[head...] where !entry.pending.batch.isSettled { return entry.pending.batch }
        return nil
    }

    mutating func append(_ pending: PendingPublish) { entries.append(Entry(pending: pending, returned: nil)) }

    mutating func settle(_ tag: UInt64, multiple: Bool, _ outcome: PublishBatch.Outcome) {
        let position = head + Int(clamping: Int64(bitPattern: tag &- firstTag))
        guard position >= head, position < entries.count else { return }
        for index in (multiple ? head : position)...position {
            guard let entry = entries[index] else { continue }
            entry.pending.batch.settle(entry.pending.index, entry.returned.map { .failure($0) } ?? outcome)
            entries[index] = nil
        }
        while head < entries.count, entries[head] == nil {
            head += 1
            firstTag += 1
        }
        if head > 4096 || head == entries.count {
            entries.removeFirst(head)
            head = 0
        }
    }

    /// A return carries no tag, but comes before the message's ack: it belongs to the oldest open message of the same
    /// address and content. Equal ones are interchangeable.
    mutating func markReturned(_ message: Message, _ error: BrokerError) {
        let index = entries[head...].firstIndex { entry in
            guard let entry, entry.returned == nil else { return false }
            let sent = entry.pending.message
            return sent.mandatory && sent.exchange == message.exchange && sent.routingKey == message.routingKey
                && sent.properties.messageID == message.properties.messageID && sent.body == message.body
        }
        if let index { entries[index]?.returned = error }
    }

    /// The channel is gone: whatever was on its way fails, and with it the rest of its batch. Sending that rest on the
    /// next connection would let later messages overtake the ones that now have to be repeated.
    func failAll(_ error: BrokerError) {
        for case let entry? in entries[head...] {
            entry.pending.batch.settle(entry.pending.index, .failure(entry.returned ?? error))
        }
        for case let entry? in entries[head...] { entry.pending.batch.abandon(error.kind) }
    }
}
