import Domain
import FoundationEssentials
import Testing

@Suite("Event rules")
struct EventRulesTests {
    static let now = Date(timeIntervalSince1970: 1_800_000_000)

    static func details(_ change: (inout EventDetails) -> Void = { _ in }) -> EventDetails {
        var details = EventDetails(
            title: "Concert", description: "Strings", venue: "Hall", startsAt: now + 3600, endsAt: now + 7200,
            timeZone: "Europe/Berlin", capacity: 10)
        change(&details)
        return details
    }

    @Test("details within all limits pass, trimmed")
    func valid() throws {
        let checked = try Self.details { $0.title = "  Concert\n" }.validated()
        #expect(checked.title == "Concert")
    }

    @Test(
        "every bad detail is named by its field",
        arguments: [
            ("title", details { $0.title = "" }), ("title", details { $0.title = "   " }),
            ("title", details { $0.title = String(repeating: "x", count: 201) }),
            ("title", details { $0.title = "a\u{0}b" }),
            ("description", details { $0.description = String(repeating: "x", count: 20_001) }),
            ("venue", details { $0.venue = String(repeating: "x", count: 301) }),
            ("capacity", details { $0.capacity = 0 }), ("capacity", details { $0.capacity = 1_000_001 }),
            ("endsAt", details { $0.endsAt = $0.startsAt }),
            ("startsAt", details { $0.startsAt = Date(timeIntervalSince1970: -1e11) }),
            ("timeZone", details { $0.timeZone = "Berlin time" }), ("timeZone", details { $0.timeZone = "" }),
            ("timeZone", details { $0.timeZone = "Europe/../../etc" }),
            (
                "registrationClosesAt",
                details {
                    $0.registrationOpensAt = now
                    $0.registrationClosesAt = now
                }
            ), ("registrationClosesAt", details { $0.registrationClosesAt = $0.endsAt + 1 }),
            ("checkInOpensAt", details { $0.checkInOpensAt = $0.endsAt }),
        ])
    func invalid(field: String, details: EventDetails) {
        let error = #expect(throws: DomainError.self) { try details.validated() }
        guard case .validationFailed(let errors) = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(errors.contains { $0.field == field })
    }

    @Test("everything wrong is said at once")
    func allAtOnce() {
        let error = #expect(throws: DomainError.self) {
            try Self.details {
                $0.title = ""
                $0.capacity = 0
                $0.timeZone = "x"
            }.validated()
        }
        guard case .validationFailed(let errors) = error else { return }
        #expect(errors.map(\.field) == ["title", "timeZone", "capacity"])
    }

    @Test(
        "the registration window says why nobody may register",
        arguments: [
            (EventStatus.draft, nil, nil, 100.0, DomainError.eventNotPublished),
            (.cancelled, nil, nil, 100, .eventCancelled), (.published, nil, nil, 100, nil),
            (.published, nil, nil, 0, .eventEnded), (.published, nil, nil, -1, .eventEnded),
            (.published, 1, nil, 100, .registrationNotOpen), (.published, 0, nil, 100, nil),
            (.published, nil, 0, 100, .registrationClosed), (.published, nil, 1, 100, nil),
        ] as [(EventStatus, Double?, Double?, Double, DomainError?)])
    func window(status: EventStatus, opens: Double?, closes: Double?, ends: Double, refusal: DomainError?) {
        let window = RegistrationWindow(
            status: status, endsAt: Self.now + ends, opensAt: opens.map { Self.now + $0 },
            closesAt: closes.map { Self.now + $0 })
        #expect(window.refusal(at: Self.now) == refusal)
    }

    @Test("a published event is over once its end has passed")
    func ended() {
        let event = Event(
            id: EventID(), ownerID: UserID(), organizerName: "Olga", details: Self.details(),
            storedStatus: .published, places: Places(revision: 0, confirmed: 0, waitlisted: 0, capacity: 10),
            version: 1, createdAt: Self.now, updatedAt: Self.now, publishedAt: Self.now, cancelledAt: nil)
        #expect(event.status(at: Self.now) == .published)
        #expect(event.status(at: Self.now + 7200) == .ended)
    }
}
