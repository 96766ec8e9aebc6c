import CLinux
import Glibc
import Synchronization

/// A bounded first-in, first-out queue of blocking jobs, and the threads that work it off.
///
/// `@unchecked Sendable`: `waiting` and `isClosed` are only touched with `mutex` held. The mutex and the condition live
/// at fixed addresses until `deinit`; every thread keeps the queue alive until it has ended.
final class JobQueue: @unchecked Sendable {
    private struct Job {
        let id: UInt64
        let run: @Sendable () -> Void
        let refuse: @Sendable (HashingError) -> Void
    }

    private let maximumWaiting: Int
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let workArrived = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let ids = Atomic<UInt64>(0)
    private var waiting: [Job] = []
    private var isClosed = false

    init(maximumWaiting: Int) {
        self.maximumWaiting = maximumWaiting
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(workArrived, nil)
    }

    deinit {
        pthread_cond_destroy(workArrived)
        pthread_mutex_destroy(mutex)
        workArrived.deallocate()
        mutex.deallocate()
    }

    /// Names a job, so that it can be cancelled.
    func nextID() -> UInt64 { ids.add(1, ordering: .relaxed).newValue }

    var waitingCount: Int { locked { waiting.count } }

    /// Queues a job of the calling task: exactly one of `run` and `refuse` is called, once.
    func submit(id: UInt64, run: @escaping @Sendable () -> Void, refuse: @escaping @Sendable (HashingError) -> Void) {
        let refusal: HashingError? = locked {
            // A cancellation before this line is seen here; one after it finds the job in `waiting`.
            if Task.isCancelled { return .cancelled }
            if isClosed || waiting.count >= maximumWaiting { return .overloaded }
            waiting.append(Job(id: id, run: run, refuse: refuse))
            pthread_cond_signal(workArrived)
            return nil
        }
        if let refusal { refuse(refusal) }
    }

    /// Takes back a job that no thread has begun; one that runs is left to finish.
    func cancel(_ id: UInt64) {
        let job = locked { () -> Job? in
            guard let index = waiting.firstIndex(where: { $0.id == id }) else { return nil }
            return waiting.remove(at: index)
        }
        job?.refuse(.cancelled)
    }

    /// Lets the threads end once the queue is empty.
    func close() {
        locked {
            isClosed = true
            pthread_cond_broadcast(workArrived)
        }
    }

    /// Starts one thread. It ends after `close()`.
    func startThread() {
        let retained = Unmanaged.passRetained(self).toOpaque()
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                let queue = Unmanaged<JobQueue>.fromOpaque(argument!).takeRetainedValue()
                linux_thread_name("passwords")
                // A hash takes a core for tens of milliseconds: everything else that is short goes first.
                linux_thread_yields_to_others()
                while let job = queue.next() { job.run() }
                return nil
            }, retained)
        precondition(status == 0, "pthread_create failed with \(status)")
        pthread_detach(thread)
    }

    private func next() -> Job? {
        locked {
            while waiting.isEmpty {
                if isClosed { return nil }
                pthread_cond_wait(workArrived, mutex)
            }
            return waiting.removeFirst()
        }
    }

    private func locked<R>(_ body: () -> R) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}
