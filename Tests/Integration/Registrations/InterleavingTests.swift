import Domain
import FoundationEssentials
@testable import Persistence
import Postgres
import TestSupport
import Testing

@Suite("Random interleavings of everything that moves a place")
struct InterleavingTests {
    /// Each seed is a story of its own; a failure names it.
    @Test("agree with the model after every commit", arguments: [11, 12, 13] as [UInt64])
    func againstTheModel(seed: UInt64) async throws {
        try await TestWorld.run { world in
            var story = try await Story(world, seed: seed)
            for step in 0..<700 {
                try await story.step()
                let rows = try await world.model(of: story.event)
                try #require(rows == story.model, "seed \(seed), step \(step): \(story.last)")
                let counted = try await world.counted(story.event)
                try #require(
                    counted.counters.confirmed == counted.confirmedRows
                        && counted.counters.waitlisted == counted.waitlistedRows, "seed \(seed), step \(step)")
            }
            #expect(story.visitsWithoutALook > 0)
        }
    }

    @Test("many at a time: whatever the order, the counters are the rows and nobody waits beside a free place")
    func concurrent() async throws {
        try await TestWorld.run { world in
            var story = try await Story(world, seed: 99)
            for burst in 0..<25 {
                try await story.burst(of: 12)
                let model = try await world.model(of: story.event)
                let counted = try await world.counted(story.event)
                try #require(counted.counters.confirmed == counted.confirmedRows, "burst \(burst)")
                try #require(counted.counters.waitlisted == counted.waitlistedRows, "burst \(burst)")
                try #require(model.confirmed.count <= model.capacity, "burst \(burst)")
                var settled = model
                settled.promote()
                try #require(settled == model, "burst \(burst): somebody waits beside a free place")
            }
        }
    }
}

/// People and an organizer who do things at random, beside the model that knows what should come of it.
private struct Story {
    let world: TestWorld
    let event: EventID
    let organizer: UserID
    let people: [UserID]
    var model: PlacesModel
    var last = ""
    private var random: SeededGenerator
    /// Capacity rows as some earlier batches left them, most of them out of date.
    private var remembered: [ExpectedCapacity] = []
    private(set) var visitsWithoutALook = 0

    init(_ world: TestWorld, seed: UInt64) async throws {
        self.world = world
        random = SeededGenerator(seed: seed)
        let owner = try await world.person("Olga", role: .organizer)
        organizer = owner.id
        event = try await world.event(of: owner, capacity: 3, waitlist: true)
        var people: [UserID] = []
        for number in 0..<14 { people.append(try await world.person("Guest \(number)").id) }
        self.people = people
        model = PlacesModel(capacity: 3, hasLine: true)
    }

    mutating func step() async throws {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<30: try await batch(bringingNobodyOut: true)
        case 30..<78: try await batch()
        case 78..<90: try await setCapacity(Int.random(in: 1...8, using: &random))
        case 90..<95: try await toggleClosed()
        case 95..<98: try await togglePromotion()
        default: try await toggleLine()
        }
    }

    /// Up to six requests in one transaction, with their answers.
    private mutating func batch(bringingNobodyOut: Bool = false) async throws {
        var requests: [RegistrationRequest] = []
        var expected: [DomainError?] = []
        for _ in 0...Int.random(in: 0..<(bringingNobodyOut ? 2 : 6), using: &random) {
            let user = people.randomElement(using: &random)!
            let byOrganizer = Int.random(in: 0..<5, using: &random) == 0 && !bringingNobodyOut
            if bringingNobodyOut || Bool.random(using: &random) {
                requests.append(.register(user, for: event, by: byOrganizer ? organizer : nil))
                expected.append(model.register(user, byOrganizer: byOrganizer))
            } else if let registration = try await world.active(user, in: event),
                !requests.contains(where: { $0.registrationID == registration })
            {
                requests.append(.cancel(registration, of: event, by: byOrganizer ? organizer : nil, reason: "chance"))
                model.cancel(user)
                expected.append(nil)
            }
        }
        last = "visit of \(requests.count)"
        guard !requests.isEmpty else { return }
        let asked = requests
        let answers = try await admit(asked)
        for (answer, refusal) in zip(answers, expected) {
            switch answer {
            case .done: #expect(refusal == nil, "\(last)")
            case .refused(let error): #expect(error == refusal, "\(last)")
            case .busy, .replayed: Issue.record("an answer that nobody asked for")
            }
        }
    }

    /// Every other time without a look at the capacity, expecting it as some earlier batch has left it.
    private mutating func admit(_ requests: [RegistrationRequest]) async throws -> [RegistrationResult] {
        if let capacity = remembered.suffix(3).randomElement(using: &random), Bool.random(using: &random) {
            do {
                if let done = try await world.registrations.commit(requests, expecting: capacity, now: Date()) {
                    visitsWithoutALook += 1
                    remembered = [capacity] + done.capacities
                    return done.results
                }
            } catch is CapacityChanged {
            } catch let error as PostgresError where error.constraint == "registrations_one_active" {
            }
        }
        let done = try await world.database.transaction { transaction in
            try await world.registrations.commit(requests, clock: { Date() }, on: transaction)
        }
        remembered += done.capacities
        return done.results
    }

    private mutating func setCapacity(_ capacity: Int) async throws {
        last = "capacity \(capacity)"
        if capacity < model.confirmed.count {
            await #expect(throws: DomainError.capacityBelowConfirmed(confirmed: model.confirmed.count)) {
                try await world.edit(event) { $0.capacity = capacity }
            }
        } else {
            try await world.edit(event) { $0.capacity = capacity }
            model.capacity = capacity
            model.promote()
        }
    }

    private mutating func toggleClosed() async throws {
        model.isClosed.toggle()
        let isClosed = model.isClosed
        last = "closed: \(isClosed)"
        try await world.edit(event) { $0.registrationClosesAt = isClosed ? Date() - 60 : nil }
        model.promote()
    }

    private mutating func togglePromotion() async throws {
        model.promotesAfterClose.toggle()
        let promotes = model.promotesAfterClose
        last = "promotes after close: \(promotes)"
        try await world.edit(event) { $0.promoteAfterClose = promotes }
        model.promote()
    }

    private mutating func toggleLine() async throws {
        model.hasLine.toggle()
        let hasLine = model.hasLine
        last = "line: \(hasLine)"
        try await world.edit(event) { $0.waitlistEnabled = hasLine }
    }

    /// So many at once, each in a transaction of its own; what comes of it is for the caller to judge.
    mutating func burst(of count: Int) async throws {
        var acts: [@Sendable () async throws -> Void] = []
        for _ in 0..<count {
            let user = people.randomElement(using: &random)!
            let capacity = Int.random(in: 1...8, using: &random)
            let choice = Int.random(in: 0..<10, using: &random)
            acts.append { [world, event] in
                switch choice {
                case 0: try await world.edit(event) { $0.capacity = capacity }
                case 1..<6: _ = try await world.submit(.register(user, for: event))
                default:
                    guard let registration = try await world.active(user, in: event) else { return }
                    _ = try await world.cancel(registration, of: event)
                }
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for act in acts {
                group.addTask {
                    // Refusals are part of the story; anything else is not.
                    do { try await act() } catch is DomainError {}
                }
            }
            try await group.waitForAll()
        }
    }
}
