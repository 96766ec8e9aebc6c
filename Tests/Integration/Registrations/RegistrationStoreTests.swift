import Domain
import FoundationEssentials
import Persistence
import Postgres
import TestSupport
import Testing

@Suite("Registrations")
struct RegistrationStoreTests {
    @Test("somebody who is registered is told so, even when the event is full")
    func alreadyRegistered() async throws {
        try await TestWorld.run { world in
            let event = try await world.event(of: try await world.person(role: .organizer), capacity: 1)
            let ada = try await world.person("Ada")
            _ = try await world.register(ada, for: event)
            await #expect(throws: DomainError.alreadyRegistered) { _ = try await world.register(ada, for: event) }
            let bob = try await world.person("Bob")
            await #expect(throws: DomainError.full) { _ = try await world.register(bob, for: event) }
        }
    }

    @Test("the same request sent again gets the same place, whatever has happened to the event since")
    func requestSentAgain() async throws {
        try await TestWorld.run { world in
            let event = try await world.event(of: try await world.person(role: .organizer), capacity: 1)
            let ada = try await world.person("Ada")
            let respond: @Sendable (Registration) throws -> StoredResponse = {
                StoredResponse(status: 201, body: $0.id.description)
            }
            func register(_ key: String, _ body: UInt8 = 1, now: Date = Date()) async throws -> Answered {
                let named = IdempotentRequest(
                    key: .init(user: ada.id, name: key), route: "test", fingerprint: Array(repeating: body, count: 32))
                let request = RegistrationRequest.register(
                    ada.id, for: event, idempotency: .init(named, respond: respond))
                let answer = try await world.database.transaction { transaction in
                    try await world.registrations.commit([request], clock: { now }, on: transaction).results[0]
                }
                switch answer {
                case .done(let registration, _): return Answered(try respond(registration))
                case .replayed(let answered): return answered
                case .refused(let refusal): throw refusal
                case .busy: throw DomainError.notFound
                }
            }
            let first = try await register("one")
            #expect(try await register("one") == Answered(first.response, isReplay: true))
            #expect(try await register("one", now: Date() + 10_000_000) == Answered(first.response, isReplay: true))
            await #expect(throws: DomainError.idempotencyKeyReused) { _ = try await register("one", 2) }
            await #expect(throws: DomainError.alreadyRegistered) { _ = try await register("another") }
            #expect(try await world.counted(event).counters.confirmed == 1)
        }
    }

    @Test("a cancellation gives the place back, and its holder may come again")
    func cancelAndReturn() async throws {
        try await TestWorld.run { world in
            let event = try await world.event(of: try await world.person(role: .organizer), capacity: 1)
            let ada = try await world.person("Ada")
            let first = try await world.register(ada, for: event)
            let cancelled = try await world.cancel(first.id, of: event)
            #expect(cancelled.status == .cancelled)
            #expect(try await world.counted(event).counters.confirmed == 0)
            #expect(try await world.cancel(first.id, of: event).status == .cancelled)
            #expect(try await world.counted(event).counters.confirmed == 0)
            let again = try await world.register(ada, for: event)
            #expect(again.status == .confirmed)
            #expect(again.id != first.id)
        }
    }

    @Test("the line moves up in order when a place is given back or the capacity grows")
    func lineMovesUp() async throws {
        try await TestWorld.run { world in
            let event = try await world.event(of: try await world.person(role: .organizer), capacity: 1, waitlist: true)
            let holder = try await world.register(try await world.person("Holder"), for: event)
            var line: [Registration] = []
            for number in 1...4 {
                let waiting = try await world.register(try await world.person("Waiting \(number)"), for: event)
                #expect(waiting.status == .waitlisted)
                #expect(waiting.position == number)
                line.append(waiting)
            }
            _ = try await world.cancel(holder.id, of: event)
            #expect(try await statuses(line, world) == [.confirmed, .waitlisted, .waitlisted, .waitlisted])
            #expect(try await world.registrations.find(line[1].id)?.registration.position == 1)
            let listed = try await world.registrations.attendees(
                of: event, query: nil, status: nil, after: nil, limit: 10)
            #expect(listed.items.map(\.registration.position) == [nil, nil, 1, 2, 3])
            _ = try await world.cancel(line[1].id, of: event)
            #expect(try await world.registrations.find(line[2].id)?.registration.position == 1)
            try await world.database.transaction { transaction in
                try await world.registrations.setCapacity(3, of: event, now: Date(), on: transaction)
            }
            #expect(try await statuses(line, world) == [.confirmed, .cancelled, .confirmed, .confirmed])
            let counted = try await world.counted(event)
            #expect(counted.counters.confirmed == 3)
            #expect(counted.confirmedRows == 3)
            #expect(counted.counters.waitlisted == 0)
        }
    }

    @Test("the capacity can't go below the confirmed places")
    func capacityCut() async throws {
        try await TestWorld.run { world in
            let event = try await world.event(of: try await world.person(role: .organizer), capacity: 3)
            _ = try await world.register(try await world.person("Ada"), for: event)
            _ = try await world.register(try await world.person("Bob"), for: event)
            await #expect(throws: DomainError.capacityBelowConfirmed(confirmed: 2)) {
                try await world.database.transaction { transaction in
                    try await world.registrations.setCapacity(1, of: event, now: Date(), on: transaction)
                }
            }
            #expect(try await world.counted(event).counters.capacity == 3)
        }
    }

    @Test("every change of the places raises the revision by at least one, and its message says which")
    func revisions() async throws {
        try await TestWorld.run { world in
            let event = try await world.event(of: try await world.person(role: .organizer), capacity: 2)
            let ada = try await world.register(try await world.person("Ada"), for: event)
            _ = try await world.register(try await world.person("Bob"), for: event)
            _ = try await world.cancel(ada.id, of: event)
            let rows = try await world.database.read(
                "SELECT (data->>'revision')::bigint AS revision FROM outbox WHERE type LIKE 'em.registration.%' ORDER BY id"
            )
            #expect(try rows.map { try $0.decode("revision", as: Int.self) } == [1, 2, 3])
            #expect(try await world.counted(event).counters.revision == 3)
        }
    }

    private func statuses(_ registrations: [Registration], _ world: TestWorld) async throws -> [RegistrationStatus?] {
        var statuses: [RegistrationStatus?] = []
        for registration in registrations {
            statuses.append(try await world.registrations.find(registration.id)?.registration.status)
        }
        return statuses
    }
}
