import Domain
import FoundationEssentials
import Testing
import TestSupport

@Suite("The journey over HTTP")
struct JourneyTests {
    @Test("from draft to door: create, publish, register, ticket, check in once, cancel")
    func journey() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp("Olga", role: .organizer)
            let user = try await api.signUp("Uma")
            let id = try await api.draft(organizer.token, capacity: 1, waitlist: true)
            #expect(try await api.client.get("/api/v1/events/\(id)").status == 404)
            #expect(
                try await api.client.get("/api/v1/events/\(id)", token: organizer.token).string("status") == "draft")
            #expect(try await api.client.post("/api/v1/events/\(id)/publish", token: organizer.token).status == 200)

            let registration = try await api.client.post("/api/v1/events/\(id)/registrations", token: user.token)
            #expect(registration.status == 201)
            #expect(registration.string("status") == "confirmed")
            let registrationID = try #require(registration.string("id"))
            let again = try await api.client.post("/api/v1/events/\(id)/registrations", token: user.token)
            #expect(again.problem == "already-registered")
            let second = try await api.signUp("Second")
            let line = try await api.client.post("/api/v1/events/\(id)/registrations", token: second.token)
            #expect(line.string("status") == "waitlisted")
            #expect(line.int("position") == 1)

            let ticket = try await api.issueTicket(for: try #require(RegistrationID(registrationID)))
            let shown = try await api.client.get("/api/v1/registrations/\(registrationID)", token: user.token)
            #expect(shown.text.contains(ticket.qrText))
            let svg = try await api.client.get("/api/v1/tickets/\(ticket.id).svg", token: user.token)
            #expect(svg.headers["content-type"] == "image/svg+xml")
            #expect(svg.text.hasPrefix("<svg"))
            let png = try await api.client.get("/api/v1/tickets/\(ticket.id).png", token: user.token)
            #expect(png.body.starts(with: [0x89, 0x50, 0x4E, 0x47]))
            let calendar = try await api.client.get("/api/v1/tickets/\(ticket.id).ics", token: organizer.token)
            #expect(calendar.text.hasPrefix("BEGIN:VCALENDAR"))
            #expect(try await api.client.get("/api/v1/tickets/\(ticket.id)", token: second.token).status == 404)

            try await scans(api, id, ticket, organizer: organizer.token, user: user.token)

            // Whoever is inside keeps the place; the organizer takes it back.
            let kept = try await api.client.delete("/api/v1/registrations/\(registrationID)", token: user.token)
            #expect(kept.problem == "already-checked-in")
            let cancelled = try await api.client.delete(
                "/api/v1/events/\(id)/registrations/\(registrationID)", token: organizer.token)
            #expect(cancelled.string("status") == "cancelled")
            #expect(cancelled.text.contains(#""status":"revoked""#))
            let promoted = try await api.client.get("/api/v1/me/registrations?eventId=\(id)", token: second.token)
            #expect(promoted.text.contains(#""status":"confirmed""#))
        }
    }

    private func scans(
        _ api: APIWorld, _ event: String, _ ticket: Ticket, organizer: String, user: String
    ) async throws {
        func scan(_ code: String, at event: String, more: String = "") async throws -> Answer {
            try await api.client.post(
                "/api/v1/events/\(event)/check-ins", #"{"code":"\#(code)","gate":"North"\#(more)}"#, token: organizer)
        }
        let path = "/api/v1/events/\(event)/check-ins"
        #expect(try await api.client.post(path, #"{"code":"x"}"#, token: user).status == 403)
        let other = try await api.event(organizer)
        #expect(try await scan(ticket.qrText, at: other).string("result") == "wrongEvent")
        #expect(try await scan(ticket.code, at: other).string("result") == "wrongEvent")
        let forged = ticket.qrText.dropLast(2) + (ticket.qrText.hasSuffix("AA") ? "BQ" : "AA")
        #expect(try await scan(String(forged), at: event).string("result") == "unknown")
        #expect(try await scan("0000-0000-0000", at: event).string("result") == "unknown")

        // Ten at once: one is admitted, whoever it is.
        let results = try await withThrowingTaskGroup(of: String?.self) { group in
            for number in 0..<10 {
                group.addTask {
                    try await scan(number % 2 == 0 ? ticket.qrText : ticket.code.lowercased(), at: event)
                        .string("result")
                }
            }
            return try await group.reduce(into: [String]()) { $0.append($1 ?? "none") }
        }
        #expect(results.filter { $0 == "admitted" }.count == 1)
        #expect(results.filter { $0 == "duplicate" }.count == 9)
        let duplicate = try await scan(ticket.code, at: event)
        #expect(duplicate.text.contains(#""gate":"North""#))
        #expect(duplicate.text.contains("firstScan"))
    }

    @Test("edits need the version that the editor has seen")
    func edits() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp("Olga", role: .organizer)
            let id = try await api.event(organizer.token)
            let path = "/api/v1/events/\(id)"
            let shown = try await api.client.get(path, token: organizer.token)
            let tag = try #require(shown.headers["etag"])
            func edit(_ json: String, _ tag: String?) async throws -> Answer {
                try await api.client.patch(
                    path, json, token: organizer.token, headers: tag.map { ["If-Match": $0] } ?? [:])
            }
            #expect(try await edit(#"{"title":"New"}"#, nil).problem == "precondition-required")
            #expect(try await edit(#"{"title":"New"}"#, "\"99\"").problem == "version-mismatch")
            #expect(try await edit(#"{"title":"New"}"#, "*").problem == "version-mismatch")
            let edited = try await edit(#"{"title":"New","venue":null}"#, tag)
            #expect(edited.status == 200)
            #expect(edited.string("title") == "New")
            #expect(edited.string("timeZone") == "Europe/Berlin")
            #expect(edited.headers["etag"] != tag)
            let wrong = try await edit(
                #"{"title":"","capacity":0,"endsAt":"2000-01-01T00:00:00Z","timeZone":"Mars/Base"}"#,
                edited.headers["etag"])
            #expect(wrong.status == 422)
            #expect(Set(wrong.fields) == ["title", "capacity", "endsAt", "timeZone"])

            let user = try await api.signUp()
            _ = try await api.client.post("\(path)/registrations", token: user.token)
            let second = try await api.signUp()
            _ = try await api.client.post("\(path)/registrations", token: second.token)
            let cut = try await edit(#"{"capacity":1}"#, edited.headers["etag"])
            #expect(cut.status == 409)
            #expect(cut.problem == "capacity-below-confirmed")
        }
    }

    @Test("pages follow each other without a gap or a repetition")
    func paging() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp("Olga", role: .organizer)
            var made: Set<String> = []
            for _ in 0..<7 { made.insert(try await api.event(organizer.token)) }
            var seen: [String] = []
            var path = "/api/v1/events?limit=3"
            while true {
                let page = try await api.client.get(path)
                #expect(page.status == 200)
                guard case .array(let items)? = page["items"] else { break }
                for case .object(let item) in items {
                    if case .string(let id)? = item["id"] { seen.append(id) }
                }
                guard let cursor = page.string("nextCursor") else { break }
                path = "/api/v1/events?limit=3&cursor=\(cursor)"
            }
            #expect(seen.count == 7)
            #expect(Set(seen) == made)
            let attendees = try await api.client.get(
                "/api/v1/events/\(seen[0])/registrations.csv", token: organizer.token)
            #expect(attendees.headers["content-type"] == "text/csv; charset=utf-8")
            #expect(attendees.text.hasPrefix("\u{FEFF}registration,status"))
        }
    }
}
