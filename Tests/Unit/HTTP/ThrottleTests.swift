@testable import api_service
import Bootstrap
import Domain
import FoundationEssentials
import HTTPTypes
import PasswordHashing
import Synchronization
import Testing

/// A clock that tests set.
final class SetClock: Sendable {
    private let now: Mutex<Date>

    init(_ start: Date = Date(timeIntervalSince1970: 1_800_000_000)) { now = Mutex(start) }

    func read() -> Date { now.withLock { $0 } }
    func advance(_ seconds: TimeInterval) { now.withLock { $0 += seconds } }
}

@Suite("The throttle on failures")
struct ThrottleTests {
    @Test(
        "pauses begin with the fifth failure and double up to a quarter of an hour",
        arguments: [(0, 0), (4, 0), (5, 1), (6, 2), (7, 4), (14, 512), (15, 900), (500, 900)])
    func pauses(failures: Int, seconds: TimeInterval) {
        #expect(ThrottleRule.signIn.pause(after: failures) == seconds)
    }

    @Test("a count is by subject, is kept while its pause lasts, and is forgotten in time")
    func counting() async {
        let clock = SetClock()
        let throttle = Throttle(redis: nil, clock: clock.read)
        for number in 1...4 {
            let state = await throttle.fail(.signIn, "ada")
            #expect(state.remaining == 5 - number && state.wait == 0)
        }
        #expect(await throttle.fail(.signIn, "ada").retryAfter == 1)
        // Under way when the pause began: doesn't make it longer.
        #expect(await throttle.fail(.signIn, "ada").retryAfter == 1)
        #expect(await throttle.state(.signIn, "bob").remaining == 5)
        #expect(await throttle.state(.signInAddress, "ada").remaining == 100)
        clock.advance(1)
        #expect(await throttle.state(.signIn, "ada").wait == 0)
        #expect(await throttle.fail(.signIn, "ada").retryAfter == 2)
        clock.advance(86_400)
        #expect(await throttle.state(.signIn, "ada").remaining == 5)
        #expect(await throttle.fail(.signIn, "ada").remaining == 4)
        await throttle.clear(.signIn, "ada")
        #expect(await throttle.state(.signIn, "ada").remaining == 5)
    }

    @Test("the own memory is bounded: it forgets those heard of longest ago")
    func bounded() async {
        let throttle = Throttle(redis: nil, capacity: 8) { Date(timeIntervalSince1970: 1_800_000_000) }
        for number in 0..<9 { _ = await throttle.fail(.signIn, "\(number)") }
        #expect(await throttle.state(.signIn, "8").remaining == 4)
        #expect(await throttle.state(.signIn, "0").remaining == 5)
    }

    @Test("guesses on one account go in one at a time, so that none slips through while the first are counted")
    func inTurn() async {
        let (clock, tries) = (SetClock(), Counted())
        let guarded = SignInGuard(throttle: Throttle(redis: nil, clock: clock.read), accessLog: nil)
        let outcomes = await withTaskGroup(of: Int.self) { group in
            for number in 0..<60 {
                group.addTask {
                    do {
                        _ = try await guarded.attempt(
                            on: "Ada@example.com", from: .init(address: "10.0.0.\(number)", network: "10.0.0.\(number)")
                        ) {
                            tries.count()
                            await Task.yield()
                            throw DomainError.invalidCredentials
                        }
                        return 200
                    } catch let problem as APIProblem {
                        return problem.status.code
                    } catch {
                        return 0
                    }
                }
            }
            return await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
        }
        #expect(outcomes == [401: 5, 429: 55])
        #expect(tries.value == 5)
    }

    @Test("a line that is too long sends people away, and one that gave up leaves it", .timeLimit(.minutes(1)))
    func crowded() async throws {
        let line = AttemptLine(perKey: 1, total: 9)
        let (entered, enter) = AsyncStream.makeStream(of: Void.self)
        let (left, leave) = AsyncStream.makeStream(of: Void.self)
        let inside = Task {
            try await line.pass("a") {
                enter.finish()
                for await _ in left {}
            }
        }
        for await _ in entered {}
        let waiting = Task {
            while true {
                do {
                    return try await line.pass("a") {}
                } catch is AttemptLine.Crowded {
                    await Task.yield()  // the third, below, had the place at this moment
                }
            }
        }
        // The one place in line is taken as soon as a third is sent away.
        while true {
            do {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await line.pass("a") {} }
                    group.addTask { throw CancellationError() }
                    defer { group.cancelAll() }
                    try await group.next()
                }
            } catch is AttemptLine.Crowded {
                break
            } catch { await Task.yield() }
        }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(try await line.pass("b") { true })
        leave.finish()
        try await inside.value
        #expect(try await line.pass("a") { true })
    }

    @Test("the fields say what is left and when there will be more")
    func fields() async {
        let clock = SetClock()
        let throttle = Throttle(redis: nil, clock: clock.read)
        let first = HTTPFieldsText(await throttle.fail(.signIn, "ada"))
        #expect(first == #""sign-in";q=5;w=86400 "sign-in";r=4;t=0"#)
        for _ in 0..<4 { _ = await throttle.fail(.signIn, "ada") }
        let state = await throttle.state(.signIn, "ada")
        #expect(HTTPFieldsText(state) == #""sign-in";q=5;w=86400 "sign-in";r=0;t=1"#)
        #expect(APIProblem.tooManyRequests([state]).headers[.retryAfter] == "1")
    }

    private func HTTPFieldsText(_ state: RateLimitState) -> String {
        let problem = APIProblem.tooManyRequests([state])
        return "\(problem.headers[.rateLimitPolicy] ?? "") \(problem.headers[.rateLimit] ?? "")"
    }
}

/// A counter that tasks share.
private final class Counted: Sendable {
    private let number = Atomic<Int>(0)

    var value: Int { number.load(ordering: .relaxed) }
    func count() { number.add(1, ordering: .relaxed) }
}

@Suite("New passwords and cookies")
struct NewPasswordTests {
    private func complaints(_ password: String) -> [String] {
        var validation = Validation()
        validation.refuseEasy(password, "password", of: ["tess.tester@example.com", "Tess Tester"])
        return validation.errors.map(\.field)
    }

    @Test(
        "the commonest are refused, whatever their case",
        arguments: ["password", "Password1", "IloveYou", "1234567890"])
    func common(password: String) { #expect(complaints(password) == ["password"]) }

    @Test(
        "so are one's own name and address and the product's, whatever digits are put around them",
        arguments: ["tess.tester1", "TessTester2026!", "tess tester", "EM-Connect2026", "tess.tester@example.com"])
    func own(password: String) { #expect(complaints(password) == ["password"]) }

    @Test(
        "others are not: no rule about their composition",
        arguments: ["correct horse battery staple", "tess likes figs", "ÄÖÜ和平鸽子和平鸽", "8295716403829571"])
    func good(password: String) { #expect(complaints(password).isEmpty) }

    @Test("the list holds ten thousand of eight characters or more, and each is found, but nothing beside it")
    func list() throws {
        #expect(CommonPasswords.count == 10_000)
        #expect(!CommonPasswords.contains("") && !CommonPasswords.contains("123456"))
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let file = try Data(contentsOf: root.appending(path: "Sources/PasswordHashing/common-passwords.txt"))
        let list = Set(String(decoding: file, as: UTF8.self).split(separator: "\n").map(String.init))
        #expect(list.count == 10_000)
        for password in list {
            #expect(CommonPasswords.contains(password.uppercased()))
            for other in [password + "~", String(password.dropLast()), "~" + password, password + "\n"] {
                #expect(CommonPasswords.contains(other) == list.contains(other))
            }
        }
    }

    @Test(
        "the cookie is a __Host- one over HTTPS and on this machine, and a plain one elsewhere",
        arguments: [
            ("https://events.example.com", true), ("http://localhost:8080", true), ("http://127.0.0.1:8080", true),
            ("http://192.168.1.7:8080", false), ("http://localhost.example.com", false),
        ])
    func cookie(address: String, isHostCookie: Bool) throws {
        let cookie = RefreshCookie(try PublicURL(address))
        #expect(cookie.name == (isHostCookie ? "__Host-em_refresh" : "em_refresh"))
        #expect(cookie.cleared.contains("; Secure") == isHostCookie)
        #expect(cookie.cleared.contains(isHostCookie ? "; Path=/;" : "; Path=/api/v1/auth;"))
        #expect(cookie.cleared.contains("; HttpOnly; SameSite=Strict") && !cookie.cleared.contains("Domain"))
    }
}
