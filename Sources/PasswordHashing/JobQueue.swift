import CLinux
import Glibc
import Synchronization

/// A bounded queue of blocking jobs of which everybody has a fair share, and the threads that work it off.
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
    private var waiting = FairQueue<Job>()
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

    func waitingCount(in share: HashingShare) -> Int { locked { waiting.count(of: share) } }

    /// Queues a job of the calling task: exactly one of `run` and `refuse` is called, once. Where the queue is full, whoever
    /// has most in it loses what came last.
    func submit(
        id: UInt64, share: HashingShare, run: @escaping @Sendable () -> Void,
        refuse: @escaping @Sendable (HashingError) -> Void
    ) {
        let job = Job(id: id, run: run, refuse: refuse)
        let refused: (job: Job, error: HashingError)? = locked {
            // A cancellation before this line is seen here; one after it finds the job in `waiting`.
            if Task.isCancelled { return (job, .cancelled) }
            if isClosed { return (job, .overloaded) }
            var displaced: Job?
            if waiting.count >= maximumWaiting {
                displaced = waiting.popFromLongest(beyond: waiting.count(of: share) + 1)
                if displaced == nil { return (job, .overloaded) }
            }
            waiting.append(job, to: share)
            pthread_cond_signal(workArrived)
            return displaced.map { ($0, .overloaded) }
        }
        if let refused { refused.job.refuse(refused.error) }
    }

    /// Takes back a job that no thread has begun; one that runs is left to finish.
    func cancel(_ id: UInt64) {
        let job = locked { waiting.remove { $0.id == id } }
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
            while true {
                if let job = waiting.popFirst() { return job }
                if isClosed { return nil }
                pthread_cond_wait(workArrived, mutex)
            }
        }
    }

    private func locked<R>(_ body: () -> R) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}
