import CCurl
import CLinux
import Domain
import Glibc
import Synchronization

/// The thread that owns libcurl's multi handle, and the interface to it.
///
/// No other thread touches anything of libcurl's, except `curl_multi_wakeup`, which is made for that
/// (libcurl-thread(3)); `state` is locked meanwhile, and the thread removes the handle from it before releasing it. The
/// thread keeps the loop alive until it has ended.
final class TransferLoop: Sendable {
    private struct State {
        var submitted: [Transfer] = []
        var cancelled: [Transfer] = []
        /// Submitted and not finished.
        var underWay = 0
        var isClosed = false
        var multi: MultiHandle?
    }

    /// libcurl's handle; used by the thread only, except for wake-ups.
    private struct MultiHandle: @unchecked Sendable {
        let pointer: UnsafeMutableRawPointer
    }

    let permits: @Sendable (IPAddress, Bool) -> Bool
    private let limits: OutgoingLimits
    private let state = Mutex(State())

    /// `curl_global_init` must precede everything else and happen once, like the initialization of a static. (SMTP's
    /// own call before or after it only counts up: libcurl 7.84 and newer accept it from several threads.)
    private static let libraryReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    init(_ limits: OutgoingLimits, permits: @escaping @Sendable (IPAddress, Bool) -> Bool) {
        self.limits = limits
        self.permits = permits
    }

    /// Queues a request of the calling task; it is finished exactly once.
    func submit(_ transfer: Transfer) {
        let refusal: OutgoingError? = state.withLock { state in
            // A cancellation before this line is seen here; one after it reaches the thread behind the request.
            if Task.isCancelled { return .cancelled }
            guard !state.isClosed, state.underWay < limits.underWay else { return .overloaded }
            if state.multi == nil {
                guard Self.libraryReady, let multi = curl_multi_init() else {
                    return .library(Int(CURLE_FAILED_INIT.rawValue))
                }
                state.multi = MultiHandle(pointer: multi)
                startThread(MultiHandle(pointer: multi))
            }
            state.underWay += 1
            state.submitted.append(transfer)
            wake(state)
            return nil
        }
        if let refusal { transfer.finish(.failure(refusal)) }
    }

    func cancel(_ transfer: Transfer) {
        state.withLock { state in
            guard state.multi != nil else { return }
            state.cancelled.append(transfer)
            wake(state)
        }
    }

    /// Makes the thread end once nothing is in flight.
    func close() {
        state.withLock { state in
            state.isClosed = true
            wake(state)
        }
    }

    private func wake(_ state: borrowing State) {
        if let multi = state.multi { curl_multi_wakeup(multi.pointer) }
    }

    private func startThread(_ multi: MultiHandle) {
        final class Start {
            let loop: TransferLoop
            let multi: UnsafeMutableRawPointer
            init(_ loop: TransferLoop, _ multi: UnsafeMutableRawPointer) { (self.loop, self.multi) = (loop, multi) }
        }
        let start = Unmanaged.passRetained(Start(self, multi.pointer)).toOpaque()
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                // OpenSSL writes with write(2): a broken connection must be an error, not the end of the process.
                var broken = sigset_t()
                sigemptyset(&broken)
                sigaddset(&broken, SIGPIPE)
                pthread_sigmask(SIG_BLOCK, &broken, nil)
                linux_thread_name("outgoing-http")
                start.loop.work(start.multi)
                return nil
            }, start)
        precondition(status == 0, "pthread_create failed with \(status)")
        pthread_detach(thread)
    }

    /// The thread.
    private func work(_ multi: UnsafeMutableRawPointer) {
        // Connections kept for reuse, in total.
        _ = em_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, limits.underWay)
        var table: [UnsafeMutableRawPointer: Transfer] = [:]
        while true {
            let (submitted, cancelled, isClosed) = state.withLock { state in
                defer { (state.submitted, state.cancelled) = ([], []) }
                return (state.submitted, state.cancelled, state.isClosed)
            }
            for transfer in submitted { begin(transfer, multi, &table) }
            for transfer in cancelled {
                guard let easy = transfer.easy, table.removeValue(forKey: easy) != nil else { continue }
                end(transfer, .failure(.cancelled), multi)
            }
            if isClosed, table.isEmpty, submitted.isEmpty { break }
            var running: CInt = 0
            curl_multi_perform(multi, &running)
            settle(multi, &table)
            // Woken by `wake`; libcurl's own timers shorten it.
            curl_multi_poll(multi, nil, 0, 60_000, nil)
        }
        state.withLock { $0.multi = nil }
        curl_multi_cleanup(multi)
    }

    private func begin(
        _ transfer: Transfer, _ multi: UnsafeMutableRawPointer, _ table: inout [UnsafeMutableRawPointer: Transfer]
    ) {
        do throws(OutgoingError) {
            let easy = try transfer.open(timeout: limits.timeout)
            let status = curl_multi_add_handle(multi, easy)
            guard status == CURLM_OK else { throw .library(Int(status.rawValue)) }
            table[easy] = transfer
        } catch {
            transfer.close()
            answer(transfer, .failure(error))
        }
    }

    private func settle(_ multi: UnsafeMutableRawPointer, _ table: inout [UnsafeMutableRawPointer: Transfer]) {
        var left: CInt = 0
        while let message = curl_multi_info_read(multi, &left) {
            // The message is invalid once its handle is removed.
            let (easy, status) = (message.pointee.easy_handle, message.pointee.data.result)
            guard message.pointee.msg == CURLMSG_DONE, let easy, let transfer = table.removeValue(forKey: easy) else {
                continue
            }
            end(transfer, transfer.result(status), multi)
        }
    }

    private func end(_ transfer: Transfer, _ result: Transfer.Result, _ multi: UnsafeMutableRawPointer) {
        if let easy = transfer.easy { curl_multi_remove_handle(multi, easy) }
        transfer.close()
        answer(transfer, result)
    }

    private func answer(_ transfer: Transfer, _ result: Transfer.Result) {
        state.withLock { $0.underWay -= 1 }
        transfer.finish(result)
    }
}
