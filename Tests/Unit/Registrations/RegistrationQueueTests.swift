import Domain
import Persistence
import Testing

@testable import api_service

@Suite("The admission queue")
struct RegistrationQueueTests {
    private let limits = RegistrationQueue.Limits(perEvent: 4, total: 6, batch: 3, eventsPerBatch: 2)

    /// Waits in the queue; what becomes of the request is of no interest here.
    private func join(_ queue: RegistrationQueue, _ event: EventID, _ group: inout DiscardingTaskGroup) async -> Bool {
        await withCheckedContinuation { queued in
            group.addTask {
                _ = try? await withCheckedThrowingContinuation { continuation in
                    let isQueued = queue.enqueue(
                        .init(request: .register(UserID(), for: event), since: .now, continuation: continuation))
                    if !isQueued { continuation.resume(throwing: RegistrationBatcher.Overloaded()) }
                    queued.resume(returning: isQueued)
                }
            }
        }
    }

    private func release(_ batch: [RegistrationQueue.Waiter]) {
        for waiter in batch { waiter.continuation.resume(returning: .refused(.full)) }
    }

    @Test("while an event is in a batch its requests gather; the next batch has them in order, up to its bound")
    func gathers() async {
        let queue = RegistrationQueue(limits)
        let event = EventID()
        await withDiscardingTaskGroup { group in
            #expect(await join(queue, event, &group))
            let first = await queue.next(.skipLocked)?.waiters ?? []
            #expect(first.count == 1)
            for _ in 0..<4 { #expect(await join(queue, event, &group)) }
            #expect(queue.count == 4)
            release(first)
            queue.finish(first, busy: [])
            let second = await queue.next(.skipLocked)?.waiters ?? []
            #expect(second.count == 3)
            release(second)
            queue.finish(second, busy: [])
            let third = await queue.next(.skipLocked)?.waiters ?? []
            #expect(third.count == 1)
            release(third)
            queue.finish(third, busy: [])
            #expect(queue.count == 0)
        }
    }

    @Test("past its bounds, for one event and in all, the queue refuses")
    func bounds() async {
        let queue = RegistrationQueue(limits)
        let events = [EventID(), EventID()]
        await withDiscardingTaskGroup { group in
            for _ in 0..<4 { #expect(await join(queue, events[0], &group)) }
            #expect(await !join(queue, events[0], &group))
            for _ in 0..<2 { #expect(await join(queue, events[1], &group)) }
            #expect(await !join(queue, events[1], &group))
            queue.close()
            #expect(await !join(queue, EventID(), &group))
            while let batch = await queue.next(.skipLocked)?.waiters {
                release(batch)
                queue.finish(batch, busy: [])
            }
        }
    }

    @Test(
        "requests of an event that someone else has locked go to a committer that waits for it, ahead of those that came after them"
    )
    func busyEvents() async {
        let queue = RegistrationQueue(limits)
        let (locked, free) = (EventID(), EventID())
        await withDiscardingTaskGroup { group in
            _ = await join(queue, locked, &group)
            _ = await join(queue, free, &group)
            let batch = await queue.next(.skipLocked)?.waiters ?? []
            #expect(batch.map(\.request.eventID) == [locked, free])
            _ = await join(queue, locked, &group)
            release([batch[1]])
            queue.finish(batch, busy: [batch[0]])
            let patient = await queue.next(.waitForLock)?.waiters ?? []
            #expect(patient.count == 2)
            #expect(patient.first?.request.registrationID == batch[0].request.registrationID)
            release(patient)
            queue.finish(patient, busy: [])
            // For a while, straight there.
            _ = await join(queue, locked, &group)
            let again = await queue.next(.waitForLock)?.waiters ?? []
            #expect(again.count == 1)
            release(again)
            queue.finish(again, busy: [])
        }
    }

    @Test("an idle committer gets a lone request at once, and nil when the queue closes")
    func idleCommitter() async {
        let queue = RegistrationQueue(limits)
        await withDiscardingTaskGroup { group in
            async let served = queue.next(.skipLocked)?.waiters
            _ = await join(queue, EventID(), &group)
            let batch = await served ?? []
            #expect(batch.count == 1)
            release(batch)
            queue.finish(batch, busy: [])
            async let ended = queue.next(.waitForLock)
            queue.close()
            #expect(await ended == nil)
        }
    }

    @Test("a crowd's next batch begins once the one before has its lock, and waits for it; a few wait for its end")
    func overlaps() async {
        let queue = RegistrationQueue(.init(batch: 4, crowd: 2))
        let event = EventID()
        await withDiscardingTaskGroup { group in
            for _ in 0..<4 { _ = await join(queue, event, &group) }
            let first = await queue.next(.skipLocked)?.waiters ?? []
            #expect(first.count == 4)
            for _ in 0..<2 { _ = await join(queue, event, &group) }
            // Nobody knows yet whether the first has the lock: the second could overtake it.
            async let early = queue.next(.waitForLock)?.waiters
            queue.locked([event])
            let second = await early ?? []
            #expect(second.count == 2)
            // Two at a time, and no more.
            for _ in 0..<3 { _ = await join(queue, event, &group) }
            queue.locked([event])
            #expect(queue.count == 3)
            async let third = queue.next(.waitForLock)?.waiters
            release(first)
            queue.finish(first, busy: [])
            #expect(await third?.count == 3)
            release(second)
            queue.finish(second, busy: [])
            // One alone is no crowd.
            _ = await join(queue, event, &group)
            queue.locked([event])
            #expect(queue.count == 1)
            release(await third ?? [])
            queue.finish(await third ?? [], busy: [])
            let last = await queue.next(.skipLocked)?.waiters ?? []
            #expect(last.count == 1)
            release(last)
            queue.finish(last, busy: [])
        }
    }

    @Test(
        "a closed queue keeps its committers until nothing can come back from a batch: a busy request is still served")
    func closesLast() async {
        let queue = RegistrationQueue(limits)
        let event = EventID()
        await withDiscardingTaskGroup { group in
            _ = await join(queue, event, &group)
            let batch = await queue.next(.skipLocked)?.waiters ?? []
            async let patient = queue.next(.waitForLock)?.waiters
            queue.close()
            queue.finish(batch, busy: batch)
            let again = await patient ?? []
            #expect(again.count == 1)
            async let over = queue.next(.waitForLock)
            release(again)
            queue.finish(again, busy: [])
            #expect(await over == nil)
            #expect(await queue.next(.skipLocked) == nil)
        }
    }
}
