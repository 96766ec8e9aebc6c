import PasswordHashing
import Testing

@Suite struct PasswordHasherTests {
    /// The cheapest that libargon2 takes: the tests are about the queue and the strings.
    static let cheap = PasswordHasher.Parameters(memory: 8, iterations: 1, parallelism: 1)

    @Test("A password verifies against its own hash and no other does")
    func roundTrip() async throws {
        let hasher = PasswordHasher()
        let phc = try await hasher.hash("correct horse battery staple")
        #expect(phc.hasPrefix("$argon2id$v=19$m=19456,t=2,p=1$"))
        #expect(try await hasher.verify("correct horse battery staple", against: phc))
        #expect(try await hasher.verify("Correct horse battery staple", against: phc) == false)
        #expect(try await hasher.verify("", against: phc) == false)
    }

    @Test("Two hashes of one password differ, because the salt does")
    func salted() async throws {
        let hasher = PasswordHasher(parameters: Self.cheap)
        let first = try await hasher.hash("pässwörd 密码")
        let second = try await hasher.hash("pässwörd 密码")
        #expect(first != second)
        #expect(try await hasher.verify("pässwörd 密码", against: second))
    }

    @Test("A string made by the argon2 reference command verifies")
    func knownAnswer() async throws {
        // printf password | argon2 somesalt -id -t 2 -k 256 -p 1 -v 13, as in the reference implementation's test.c.
        let phc = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
        #expect(try await PasswordHasher().verify("password", against: phc))
    }

    @Test("An unknown account costs the same kind of work and is never let in")
    func decoy() async throws {
        let hasher = PasswordHasher()
        let phc = try await hasher.hash("something long enough")
        let clock = ContinuousClock()
        let known = try await clock.measure { _ = try await hasher.verify("wrong password", against: phc) }
        let unknown = try await clock.measure { _ = try await hasher.verify("wrong password", against: nil) }
        #expect(try await hasher.verify("wrong password", against: nil) == false)
        // Not a timing proof, only that the work was not skipped: without it this takes microseconds.
        #expect(unknown > known / 10)
    }

    @Test(
        "Anything but an Argon2id string is a typed error", arguments: ["", "secret", "$2b$12$abc", "$argon2id$v=19$x"])
    func malformed(phc: String) async throws {
        await #expect(throws: HashingError.malformedHash) {
            try await PasswordHasher(parameters: Self.cheap).verify("password", against: phc)
        }
    }

    @Test("Parameters that the library refuses are a typed error")
    func refusedParameters() async throws {
        let hasher = PasswordHasher(parameters: .init(memory: 8, iterations: 0, parallelism: 1))
        let error = await #expect(throws: HashingError.self) { try await hasher.hash("password") }
        guard case .library = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.isRetriable == false)
    }

    @Test("A hash of other costs, or no hash at all, asks for a new one")
    func rehash() async throws {
        let cheapHash = try await PasswordHasher(parameters: Self.cheap).hash("password")
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
                group.addTask { await Result { () async throws(HashingError) in try await hasher.hash("password") } }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let refused = outcomes.filter { $0 == .failure(.overloaded) }.count
        let answered = outcomes.filter { (try? $0.get()) != nil }.count
        #expect(refused + answered == 12)
        // One running and two waiting at least; a few more if the first was done before the last call came.
        #expect(answered >= 2 && refused >= 1)
    }

    @Test("A call that still waits is cancelled without waiting for its turn")
    func cancelWaiting() async throws {
        // No thread, so that nothing takes it before it is cancelled.
        let hasher = PasswordHasher(parameters: Self.cheap, threads: 0)
        let task = Task { try await hasher.hash("password") }
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
            return try await hasher.hash("password")
        }
        await #expect(throws: HashingError.cancelled) { try await task.value }
    }
}

extension Result where Failure == HashingError {
    fileprivate init(_ body: () async throws(HashingError) -> Success) async {
        do throws(HashingError) { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
