import Domain
import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import Persistence

@Suite("The last seat")
struct LastSeatTests {
    @Test("of fifty who want the last seat at once exactly one gets it")
    func fiftyWayRace() async throws {
        try await TestWorld.run { world in
            let outcome = try await race(world, RegistrationStore(world.database))
            #expect(outcome.confirmed == 1)
            #expect(outcome.refusals == Array(repeating: .full, count: 49))
            let counted = try await world.counted(outcome.event)
            #expect(counted.counters.confirmed == 1)
            #expect(counted.confirmedRows == 1)
        }
    }

    /// The control: the same race with lock, condition and constraint added away must oversell, or the test above
    /// proves nothing.
    @Test("with the guards off the race oversells")
    func raceWithoutGuards() async throws {
        try await TestWorld.run { world in
            try await world.owner.session { session in
                _ = try await session.query("ALTER TABLE event_places DROP CONSTRAINT event_places_never_oversold")
            }
            // Chance decides how many look at the same moment; ten rounds without a collision don't happen.
            var oversold = false
            for _ in 0..<10 where !oversold {
                let outcome = try await race(world, RegistrationStore(world.database, guards: []))
                oversold = try await world.counted(outcome.event).confirmedRows > 1
            }
            #expect(oversold)
        }
    }

    /// The table's CHECK is a guard of its own: without the lock and the condition it still holds.
    @Test("the constraint alone holds")
    func raceWithConstraintOnly() async throws {
        try await TestWorld.run { world in
            let outcome = try await race(world, RegistrationStore(world.database, guards: []))
            #expect(try await world.counted(outcome.event).confirmedRows == 1)
        }
    }

    /// So is the condition in the UPDATE: without the lock and the constraint it still holds.
    @Test("the condition alone holds")
    func raceWithConditionOnly() async throws {
        try await TestWorld.run { world in
            try await world.owner.session { session in
                _ = try await session.query("ALTER TABLE event_places DROP CONSTRAINT event_places_never_oversold")
            }
            // Chance decides how many look at the same moment, as above.
            for _ in 0..<10 {
                let outcome = try await race(world, RegistrationStore(world.database, guards: .condition))
                #expect(try await world.counted(outcome.event).confirmedRows == 1)
            }
        }
    }

    private struct Outcome {
        var event: EventID
        var confirmed = 0
        var refusals: [DomainError] = []
    }

    private func race(_ world: TestWorld, _ store: RegistrationStore) async throws -> Outcome {
        let owner = try await world.person("Olga", role: .organizer)
        var outcome = Outcome(event: try await world.event(of: owner, capacity: 1))
        var people: [User] = []
        for number in 0..<50 { people.append(try await world.person("Guest \(number)")) }
        let event = outcome.event
        await withTaskGroup(of: Result<Registration, any Error>.self) { group in
            for person in people {
                group.addTask {
                    do {
                        return .success(try await world.submit(.register(person.id, for: event), at: store))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            for await result in group {
                switch result {
                case .success: outcome.confirmed += 1
                case .failure(let error as DomainError): outcome.refusals.append(error)
                case .failure: break
                }
            }
        }
        return outcome
    }
}
