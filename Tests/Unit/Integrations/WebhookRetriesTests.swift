import Domain
import Testing

@Suite("Retries of webhooks")
struct WebhookRetriesTests {
    @Test("they go on for some three days, ever more rarely, and then end")
    func schedule() {
        var (total, last, attempt) = (0.0, 0.0, 1)
        while let delay = WebhookRetries.delay(afterAttempt: attempt, retryAfter: nil, jitter: 0.5) {
            #expect(delay >= last)
            (total, last, attempt) = (total + delay, delay, attempt + 1)
        }
        #expect(attempt == 11)
        #expect((2.5...3.5).contains(total / 86_400))
        #expect(WebhookRetries.delay(afterAttempt: 0, retryAfter: nil, jitter: 0) == nil)
    }

    @Test("jitter spreads them over a fifth of the delay")
    func jitter() {
        #expect(WebhookRetries.delay(afterAttempt: 3, retryAfter: nil, jitter: 0) == 108)
        #expect(WebhookRetries.delay(afterAttempt: 3, retryAfter: nil, jitter: 1) == 132)
    }

    @Test(
        "a receiver may ask for more time, up to a day, and never for less",
        arguments: [(60, 60.0), (1, 4.5), (-5, 4.5), (100_000, 86_400.0)])
    func obeysRetryAfter(seconds: Int, expected: Double) {
        #expect(WebhookRetries.delay(afterAttempt: 1, retryAfter: seconds, jitter: 0) == expected)
    }
}
