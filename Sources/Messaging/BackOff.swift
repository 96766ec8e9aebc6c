import ServiceLifecycle

/// A jittered, growing back-off whose waits end early when the service stops.
struct BackOff {
    private var next = Duration.milliseconds(100)
    private(set) var isFresh = true

    /// Waits; false if the service is stopping or the task is canceled.
    mutating func wait() async -> Bool {
        isFresh = false
        let duration = next / 2 + next / 2 * Double.random(in: 0...1)
        next = min(next * 2, .seconds(5))
        let slept: Bool? = await cancelWhenGracefulShutdown {
            do { try await Task.sleep(for: duration) } catch { return false }
            return true
        }
        return slept ?? false
    }
}
