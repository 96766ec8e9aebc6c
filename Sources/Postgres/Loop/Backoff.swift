/// When to try to connect again: at once, then after pauses that double from 50 ms to `maximum`, each drawn from its
/// upper half, so that many clients of a restarted server don't come back together.
struct Backoff {
    private let maximum: Duration
    private(set) var failures = 0
    private(set) var notBefore: ContinuousClock.Instant?

    init(maximum: Duration) {
        self.maximum = maximum
    }

    mutating func succeeded() {
        failures = 0
        notBefore = nil
    }

    mutating func failed(at now: ContinuousClock.Instant) {
        let pause = min(maximum, .milliseconds(50) * (1 << min(failures, 12)))
        notBefore = now + pause * Double.random(in: 0.5...1)
        failures += 1
    }

    func allows(at now: ContinuousClock.Instant) -> Bool {
        notBefore.map { $0 <= now } ?? true
    }
}
