@testable import PasswordHashing
import Testing

@Suite struct PasswordHasherTests {
    static let share = HashingShare(.signIn, client: "192.0.2.1")
    /// The cheapest that libargon2 takes: the tests are about the queue and the strings.
    static let cheap = PasswordHasher.Parameters(memory: 8, iterations: 1, parallelism: 1)

    @Test("A password verifies against its own hash and no other does")
    func roundTrip() async throws {
        let hasher = PasswordHasher()
        let phc = try await hasher.hash("correct horse battery staple", in: Self.share)
        #expect(phc.hasPrefix("$argon2id$v=19$m=19456,t=2,p=1$"))
        #expect(try await hasher.verify("correct horse battery staple", against: phc, in: Self.share))
        #expect(try await hasher.verify("Correct horse battery staple", against: phc, in: Self.share) == false)
        #expect(try await hasher.verify("", against: phc, in: Self.share) == false)
    }

    @Test("Two hashes of one password differ, because the salt does")
    func salted() async throws {
        let hasher = PasswordHasher(parameters: Self.cheap)
        let first = try await hasher.hash("pässwörd 密码", in: Self.share)
        let second = try await hasher.hash("pässwörd 密码", in: Self.share)
        #expect(first != second)
        #expect(try await hasher.verify("pässwörd 密码", against: second, in: Self.share))
    }

    @Test("A string made by the argon2 reference command verifies")
    func knownAnswer() async throws {
        // printf password | argon2 somesalt -id -t 2 -k 256 -p 1 -v 13, as in the reference implementation's test.c.
        let phc = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
        #expect(try await PasswordHasher().verify("password", against: phc, in: Self.share))
    }

    @Test("An unknown account costs the same kind of work and is never let in")
    func decoy() async throws {
        let hasher = PasswordHasher()
        let phc = try await hasher.hash("something long enough", in: Self.share)
        let clock = ContinuousClock()
        let known = try await clock.measure {
            _ = try await hasher.verify("wrong password", against: phc, in: Self.share)
        }
        let unknown = try await clock.measure {
            _ = try await hasher.verify("wrong password", against: nil, in: Self.share)
        }
        #expect(try await hasher.verify("wrong password", against: nil, in: Self.share) == false)
        // Not a timing proof, only that the work was not skipped: without it this takes microseconds.
        #expect(unknown > known / 10)
    }

    @Test(
        "Anything but an Argon2id string is a typed error", arguments: ["", "secret", "$2b$12$abc", "$argon2id$v=19$x"])
    func malformed(phc: String) async throws {
        await #expect(throws: HashingError.malformedHash) {
            try await PasswordHasher(parameters: Self.cheap).verify("password", against: phc, in: Self.share)
        }
    }

    @Test("Parameters that the library refuses are a typed error")
    func refusedParameters() async throws {
        let hasher = PasswordHasher(parameters: .init(memory: 8, iterations: 0, parallelism: 1))
        let error = await #expect(throws: HashingError.self) { try await hasher.hash("password", in: Self.share) }
        guard case .library = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.isRetriable == false)
    }

    @Test("A hash of other costs, or no hash at all, asks for a new one")
    func rehash() async throws {
        let cheapHash = try await PasswordHasher(parameters: Self.cheap).hash("password", in: Self.share)
        let hasher = PasswordHasher()
        #expect(hasher.needsRehash(cheapHash))
        #expect(hasher.needsRehash("$2b$12$abc"))
        #expect(PasswordHasher(parameters: Self.cheap).needsRehash(cheapHash) == false)
    }

    /// Long enough (some 200 ms) that calls queue up behind one of it.
    private static let slow = PasswordHasher.Parameters(memory: 65_536, iterations: 4, parallelism: 1)

    @Test("Calls past the bound are refused at once, all others are answered")
    func overload() async throws {
        let hasher = PasswordHasher(parameters: Self.slow, threads: 1, maximumWaiting: 2)
        let outcomes = await withTaskGroup(of: Result<String, HashingError>.self) { group in
            for _ in 0..<12 {
                group.addTask {
                    await Result { () async throws(HashingError) in try await hasher.hash("password", in: Self.share) }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let refused = outcomes.filter { $0 == .failure(.overloaded) }.count
        let answered = outcomes.filter { (try? $0.get()) != nil }.count
        #expect(refused + answered == 12)
        // One running and two waiting at least; a few more if the first was done before the last call came.
        #expect(answered >= 2 && refused >= 1)
    }

    @Test("a password has one spelling, whatever keyboard it was typed on, and hashes from before are good")
    func spellings() async throws {
        let hasher = PasswordHasher(parameters: Self.cheap)
        let phc = try await hasher.hash("Cafe\u{301} ｃｒèｍｅ", in: Self.share)
        #expect(try await hasher.verify("Café crème", against: phc, in: Self.share))
        let old = try Argon2.hash("Cafe\u{301} ｃｒèｍｅ", Self.cheap)
        #expect(try await hasher.verify("Cafe\u{301} ｃｒèｍｅ", against: old, in: Self.share))
        #expect(try await !hasher.verify("Cafe crème", against: old, in: Self.share))
    }

    @Test("a flood waits behind itself: others are served after one hash of each of those who wait")
    func fairness() {
        var queue = FairQueue<String>()
        for number in 0..<100 { queue.append("flood \(number)", to: HashingShare(.signUp, client: "flood")) }
        for number in 0..<100 { queue.append("guess \(number)", to: HashingShare(.signIn, client: "flood")) }
        queue.append("honest", to: HashingShare(.signIn, client: "home"))
        queue.append("new", to: HashingShare(.signUp, client: "home"))
        let first = (0..<6).compactMap { _ in queue.popFirst() }
        #expect(first.contains("honest") && first.contains("new"))
        #expect(queue.count == 196)
        // In the order of arrival within one share.
        let rest = (0..<196).compactMap { _ in queue.popFirst() }.filter { $0.hasPrefix("flood") }
        #expect(rest == rest.sorted { Int($0.dropFirst(6))! < Int($1.dropFirst(6))! })
        #expect(queue.popFirst() == nil && queue.count == 0)
    }

    @Test("a full queue turns away the latest of whoever has most in it, never one who has least")
    func displacement() async throws {
        // No thread, so that nothing leaves the queue.
        let hasher = PasswordHasher(parameters: Self.cheap, threads: 0, maximumWaiting: 4)
        let flood = HashingShare(.signUp, client: "flood")
        let waiting = (0..<4).map { _ in Task { try await hasher.hash("password", in: flood) } }
        while hasher.waiting < 4 { await Task.yield() }
        await #expect(throws: HashingError.overloaded) { try await hasher.hash("password", in: flood) }
        let honest = Task { try await hasher.hash("password", in: Self.share) }
        // One of the flood's ends now; the honest call stands in its place.
        while hasher.waiting(in: Self.share) == 0 { await Task.yield() }
        #expect(hasher.waiting(in: flood) == 3)
        for task in waiting + [honest] { task.cancel() }
        var outcomes: [HashingError] = []
        for task in waiting + [honest] {
            do { _ = try await task.value } catch let error as HashingError { outcomes.append(error) }
        }
        #expect(outcomes.filter { $0 == .overloaded }.count == 1)
        #expect(outcomes.last == .cancelled)
    }

    @Test("A call that still waits is cancelled without waiting for its turn")
    func cancelWaiting() async throws {
        // No thread, so that nothing takes it before it is cancelled.
        let hasher = PasswordHasher(parameters: Self.cheap, threads: 0)
        let task = Task { try await hasher.hash("password", in: Self.share) }
        let deadline = ContinuousClock.now + .seconds(10)
        while hasher.waiting == 0, ContinuousClock.now < deadline { await Task.yield() }
        task.cancel()
        await #expect(throws: HashingError.cancelled) { try await task.value }
        #expect(hasher.waiting == 0)
    }

    @Test("A call of an already cancelled task never enters the queue")
    func cancelledBefore() async throws {
        let hasher = PasswordHasher(parameters: Self.cheap)
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await hasher.hash("password", in: Self.share)
        }
        await #expect(throws: HashingError.cancelled) { try await task.value }
    }
}

extension Result where Failure == HashingError {
    fileprivate init(_ body: () async throws(HashingError) -> Success) async {
        do throws(HashingError) { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
