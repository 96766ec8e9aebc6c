import Domain
import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import Persistence

@Suite("A door that is expected to be as it was left")
struct ExpectedCapacityTests {
    @Test("as it was left, people are let in without a look, the line as well")
    func asExpected() async throws {
        try await TestWorld.run { world in
            let (event, left, people) = try await visited(world, capacity: 4)
            let now = Date()
            let done = try #require(
                try await world.registrations.commit(
                    people[1...5].map { .register($0, for: event) }, expecting: left, now: now))
            #expect(
                done.results.map(\.registration?.status) == [
                    .confirmed, .confirmed, .confirmed, .waitlisted, .waitlisted,
                ])
            #expect(done.results.map(\.registration?.position) == [nil, nil, nil, 1, 2])
            let next = try #require(done.capacities.first)
            let more = try #require(
                try await world.registrations.commit([.register(people[6], for: event)], expecting: next, now: now))
            #expect(more.results.first?.registration?.position == 3)
            let counted = try await world.counted(event)
            #expect(counted.counters.confirmed == 4 && counted.confirmedRows == 4)
            #expect(counted.counters.waitlisted == 3 && counted.waitlistedRows == 3)
        }
    }

    @Test("moved by somebody else meanwhile, nothing is done")
    func moved() async throws {
        try await TestWorld.run { world in
            let (event, left, people) = try await visited(world, capacity: 2)
            _ = try await world.submit(.register(people[1], for: event))
            await #expect(throws: CapacityChanged.self) {
                try await world.registrations.commit([.register(people[2], for: event)], expecting: left, now: Date())
            }
            #expect(try await world.counted(event).confirmedRows == 2)
        }
    }

    @Test("closed by its organizer meanwhile, nobody is let in")
    func closed() async throws {
        try await TestWorld.run { world in
            let (event, left, people) = try await visited(world, capacity: 9)
            try await world.edit(event) { $0.registrationClosesAt = Date() - 60 }
            await #expect(throws: CapacityChanged.self) {
                try await world.registrations.commit([.register(people[1], for: event)], expecting: left, now: Date())
            }
            #expect(try await world.counted(event).confirmedRows == 1)
        }
    }

    /// The control: without the comparison, somebody walks in through a capacity that is closed.
    @Test("without the comparison a closed door lets people in")
    func withoutTheComparison() async throws {
        try await TestWorld.run { world in
            let (event, left, people) = try await visited(world, capacity: 9)
            try await world.edit(event) { $0.registrationClosesAt = Date() - 60 }
            let careless = RegistrationStore(world.database, guards: [.lock, .condition])
            _ = try await careless.commit([.register(people[1], for: event)], expecting: left, now: Date())
            #expect(try await world.counted(event).confirmedRows == 2)
        }
    }

    @Test("somebody who has a registration already fails the whole, with nothing done")
    func alreadyRegistered() async throws {
        try await TestWorld.run { world in
            let (event, left, people) = try await visited(world, capacity: 9)
            await #expect {
                try await world.registrations.commit(
                    people[0...1].map { .register($0, for: event) }, expecting: left, now: Date())
            } throws: { ($0 as? PostgresError)?.constraint == "registrations_one_active" }
            let counted = try await world.counted(event)
            #expect(counted.confirmedRows == 1 && counted.counters.confirmed == 1)
        }
    }

    @Test("a row that somebody else holds is not waited for")
    func locked() async throws {
        try await TestWorld.run { world in
            let (event, left, people) = try await visited(world, capacity: 9)
            try await world.database.transaction { transaction in
                try await world.registrations.lockPlaces(of: event, on: transaction)
                await #expect {
                    try await world.registrations.commit(
                        [.register(people[1], for: event)], expecting: left, now: Date())
                } throws: { ($0 as? PostgresError)?.sqlState == "55P03" }
            }
        }
    }

    @Test("when somebody leaves, is added by an organizer, or would be refused, it takes a look")
    func takesALook() async throws {
        try await TestWorld.run { world in
            let (event, left, people) = try await visited(world, capacity: 1, waitlist: false)
            let registration = try #require(try await world.active(people[0], in: event))
            for request: RegistrationRequest in [
                .cancel(registration, of: event), .register(people[1], for: event),
                .register(people[1], for: event, by: people[2]),
            ] {
                #expect(
                    try await world.registrations.commit([request], expecting: left, now: Date())?.results.count == nil)
            }
        }
    }

    /// An event where the first of ten people has a place, and its capacity as that left it.
    private func visited(
        _ world: TestWorld, capacity: Int, waitlist: Bool = true
    ) async throws -> (EventID, ExpectedCapacity, [UserID]) {
        let event = try await world.event(
            of: try await world.person(role: .organizer), capacity: capacity, waitlist: waitlist)
        var people: [UserID] = []
        for number in 0..<10 { people.append(try await world.person("Guest \(number)").id) }
        let first = people[0]
        let done = try await world.database.transaction { transaction in
            try await world.registrations.commit(
                [.register(first, for: event)], clock: { Date() }, on: transaction)
        }
        let left = try #require(done.capacities.first)
        return (event, left, people)
    }
}

extension RegistrationResult {
    fileprivate var registration: Registration? {
        if case .done(let registration, _) = self { registration } else { nil }
    }
}
