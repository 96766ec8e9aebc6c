import CCurl
import Synchronization

/// What is said on a connection while one message is handed over, as libcurl shows it: which step it is at and since when,
/// and what the server said last.
///
/// Used by the thread that sends, within `perform`; libcurl holds an unretained pointer to it meanwhile.
final class SMTPDialogue {
    private(set) var step = SMTPStep.connection
    private var stepBegan = ContinuousClock.now
    private var moved: curl_off_t = 0
    /// All lines of the last reply, the code once, at most 500 characters; the goodbye aside.
    private(set) var reply = ""
    /// What the last reply was about.
    private(set) var answered = SMTPStep.connection
    /// The server answered DATA with 354.
    private(set) var textWasAskedFor = false
    /// A step took longer than it may.
    private(set) var isTimedOut = false
    private var isContinued = false
    private let timeouts: SMTPTimeouts
    private let cancelled: CancellationFlag

    init(_ timeouts: SMTPTimeouts, cancelled: CancellationFlag) {
        self.timeouts = timeouts
        self.cancelled = cancelled
    }

    private func begin(_ step: SMTPStep) {
        self.step = step
        stepBegan = .now
    }

    /// One command; what it holds besides its verb may be a secret and is not looked at.
    func sent(_ bytes: UnsafeRawBufferPointer) {
        if let step = SMTPStep(command: String(decoding: bytes.prefix(4), as: UTF8.self)) {
            begin(step)
        } else {
            stepBegan = .now
        }
    }

    /// One line of the server's.
    func received(_ bytes: UnsafeRawBufferPointer) {
        let line = String(decoding: bytes.prefix(500).prefix { $0 != 0x0D && $0 != 0x0A }, as: UTF8.self)
        // libcurl says QUIT after a refusal; the answer is not why the message was refused.
        if line.hasPrefix("221") { return }
        // Who speaks before being spoken to greets.
        if step == .connection { begin(.greeting) }
        answered = step
        stepBegan = .now
        if step == .data, line.hasPrefix("354") {
            textWasAskedFor = true
            begin(.text)
        }
        // `550-first`, `550-second`, `550 last` (RFC 5321, 4.2).
        reply = isContinued ? String("\(reply) \(line.dropFirst(4))".prefix(500)) : line
        isContinued = line.dropFirst(3).first == "-"
    }

    /// Called about once a second, and whenever bytes move. Whether to go on.
    func goesOn(isConnected: Bool, sent: curl_off_t, of all: curl_off_t) -> Bool {
        if cancelled.isSet { return false }
        if step == .connection, isConnected { begin(.greeting) }
        if sent != moved {
            moved = sent
            stepBegan = .now
        }
        if step == .text, sent > 0, sent >= all { begin(.answer) }
        isTimedOut = ContinuousClock.now - stepBegan > timeouts.limit(of: step)
        return !isTimedOut
    }
}

/// Set by the cancelled task, read by the sending thread.
final class CancellationFlag: Sendable {
    private let flag = Atomic(false)
    var isSet: Bool { flag.load(ordering: .relaxed) }
    func set() { flag.store(true, ordering: .relaxed) }
}
