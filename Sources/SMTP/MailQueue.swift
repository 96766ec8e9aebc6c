import Glibc
import Logging
import Synchronization

/// A bounded first-in, first-out queue of messages, and the threads that send them.
///
/// `@unchecked Sendable`: `waiting`, `isClosed` and the counts of threads are only touched with `mutex` held. The mutex and the condition live
/// at fixed addresses until `deinit`; every thread keeps the queue alive until it has ended.
final class MailQueue: @unchecked Sendable {
    /// A message on its way, known to the sending task and to one thread.
    struct Job {
        let message: MailMessage
        let cancelled: CancellationFlag
        let finish: @Sendable (Result<String, SMTPError>) -> Void
    }

    private let address: SMTPAddress
    private let timeouts: SMTPTimeouts
    private let maximumWaiting: Int
    private let maximumThreads: Int
    private let logger: Logger
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let mailArrived = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var waiting: [Job] = []
    private var isClosed = false
    private var threads = 0
    private var idleThreads = 0

    init(
        _ address: SMTPAddress, _ timeouts: SMTPTimeouts, maximumThreads: Int, maximumWaiting: Int, logger: Logger
    ) {
        self.maximumThreads = maximumThreads
        self.address = address
        self.timeouts = timeouts
        self.maximumWaiting = maximumWaiting
        self.logger = logger
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(mailArrived, nil)
    }

    deinit {
        pthread_cond_destroy(mailArrived)
        pthread_mutex_destroy(mutex)
        mailArrived.deallocate()
        mutex.deallocate()
    }

    var waitingCount: Int { locked { waiting.count } }

    /// Queues a message of the calling task; `finish` is called exactly once.
    func submit(_ job: Job) {
        let refusal: SMTPError? = locked {
            // A cancellation before this line is seen here; one after it finds the job in `waiting`.
            if Task.isCancelled { return SMTPError(.cancelled) }
            if isClosed || waiting.count >= maximumWaiting { return SMTPError(.overloaded) }
            waiting.append(job)
            if waiting.count > idleThreads, threads < maximumThreads {
                threads += 1
                startThread()
            }
            pthread_cond_signal(mailArrived)
            return nil
        }
        if let refusal { job.finish(.failure(refusal)) }
    }

    /// Takes back a message that still waits, and has the thread give up one that is being sent (within a second).
    func cancel(_ flag: CancellationFlag) {
        flag.set()
        let job = locked { () -> Job? in
            guard let index = waiting.firstIndex(where: { $0.cancelled === flag }) else { return nil }
            return waiting.remove(at: index)
        }
        job?.finish(.failure(SMTPError(.cancelled)))
    }

    /// Lets the threads end once the queue is empty.
    func close() {
        locked {
            isClosed = true
            pthread_cond_broadcast(mailArrived)
        }
    }

    /// Starts one thread with a connection of its own, when all others are at work. It ends after `close()`.
    private func startThread() {
        let retained = Unmanaged.passRetained(self).toOpaque()
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<MailQueue>.fromOpaque(argument!).takeRetainedValue().work()
                return nil
            }, retained)
        precondition(status == 0, "pthread_create failed with \(status)")
        pthread_detach(thread)
    }

    private func work() {
        let connection = SMTPConnection(address, timeouts)
        if connection == nil { logger.critical("libcurl not initialized") }
        while let job = next() {
            do throws(SMTPError) {
                guard let connection else { throw SMTPError(.library(2)) }
                job.finish(.success(try connection.send(job.message, cancelled: job.cancelled)))
            } catch {
                job.finish(.failure(error))
            }
        }
    }

    private func next() -> Job? {
        locked {
            while waiting.isEmpty {
                if isClosed { return nil }
                idleThreads += 1
                pthread_cond_wait(mailArrived, mutex)
                idleThreads -= 1
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
