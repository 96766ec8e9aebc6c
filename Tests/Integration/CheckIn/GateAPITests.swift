import Crypto
import Domain
import FoundationEssentials
import Persistence
import Postgres
import TestSupport
import Testing

@Suite("The gate over HTTP")
struct GateAPITests {
    /// An event of an organizer's with so many tickets, and somebody who works at its gate.
    private struct Scene {
        var organizer: String
        var staff: String
        var holder: String
        var event: String
        var tickets: [Ticket]
    }

    private func scene(_ api: APIWorld, tickets: Int = 1) async throws -> Scene {
        let organizer = try await api.signUp("Olga", role: .organizer)
        let staff = try await api.signUp("Gus")
        let event = try await api.event(organizer.token, capacity: tickets)
        let email = try #require(try await api.world.users.find(staff.id)?.email)
        let added = try await api.client.post(
            "/api/v1/events/\(event)/members", #"{"email":"\#(email)","role":"checkInStaff"}"#, token: organizer.token)
        #expect(added.status == 201)
        var issued: [Ticket] = []
        var holder = ""
        for number in 0..<tickets {
            let guest = try await api.signUp(#"Guest \"\#(number)\" \\"#)
            holder = guest.token
            let registration = try await api.client.post("/api/v1/events/\(event)/registrations", token: guest.token)
            let id = try #require(registration.string("id").flatMap { RegistrationID($0) })
            issued.append(try await api.issueTicket(for: id))
        }
        return Scene(
            organizer: organizer.token, staff: staff.token, holder: holder, event: event, tickets: issued)
    }

    @Test("a manifest is signed with api-service's key, names every ticket and its state, and is not sent twice")
    func manifest() async throws {
        try await APIWorld.run { api in
            let scene = try await scene(api, tickets: 3)
            let path = "/api/v1/events/\(scene.event)/check-in-manifest"
            _ = try await api.client.post(
                "/api/v1/events/\(scene.event)/check-ins", #"{"code":"\#(scene.tickets[0].code)","gate":"North"}"#,
                token: scene.staff)
            _ = try await api.client.delete(
                "/api/v1/registrations/\(scene.tickets[2].registrationID)", token: scene.holder)
            let answer = try await api.client.get(path, token: scene.staff)
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "application/jose")
            #expect(answer.headers["content-length"] == "\(answer.body.count)")

            let parts = answer.text.split(separator: ".").map(String.init)
            #expect(parts.count == 3)
            let header = String(decoding: try #require(Base64URL.decode(parts[0])), as: UTF8.self)
            #expect(header.contains(#""alg":"EdDSA""#))
            #expect(header.contains(#""typ":"em-manifest+jws""#))
            let signature = try #require(Base64URL.decode(parts[2]))
            let signed = Array("\(parts[0]).\(parts[1])".utf8)
            #expect(api.accessKey.publicKey.isValidSignature(signature, for: signed))

            let payload = try WireJSON.decode(
                [String: JSONValue].self, from: try #require(Base64URL.decode(parts[1])))
            #expect(payload["eventId"] == .string(scene.event))
            guard case .array(let tickets)? = payload["tickets"], case .array(let keys)? = payload["keys"] else {
                Issue.record("no tickets or keys")
                return
            }
            let kid = SHA256.hash(data: api.ticketKey.publicKey.rawRepresentation).prefix(4)
            #expect(
                keys == [
                    .object([
                        "kid": .string(Hexadecimal.encode(Array(kid))),
                        "publicKey": .string(base64URL(api.ticketKey.publicKey.rawRepresentation)),
                    ])
                ])
            var states: [String: String] = [:]
            for case .array(let ticket) in tickets {
                guard ticket.count == 7, case .string(let id) = ticket[0], case .string(let state) = ticket[4] else {
                    continue
                }
                states[id] = state
                if state == "checkedIn" {
                    #expect(ticket[3] == .string(#"Guest "0" \"#))
                    #expect(ticket[6] == .string("North"))
                }
            }
            #expect(
                states == [
                    "\(scene.tickets[0].id)": "checkedIn", "\(scene.tickets[1].id)": "valid",
                    "\(scene.tickets[2].id)": "revoked",
                ])

            let tag = try #require(answer.headers["etag"])
            let same = try await api.client.get(path, token: scene.staff, headers: ["If-None-Match": tag])
            #expect(same.status == 304)
            let again = try await api.client.get(path, token: scene.organizer)
            #expect(again.body == answer.body, "made once")
            _ = try await api.client.post(
                "/api/v1/events/\(scene.event)/check-ins", #"{"code":"\#(scene.tickets[1].qrText)"}"#,
                token: scene.staff)
            let changed = try await api.client.get(path, token: scene.staff, headers: ["If-None-Match": tag])
            #expect(changed.status == 200)
            #expect(try await api.client.get(path, token: scene.holder).status == 403)
        }
    }

    @Test("a gate that asks again hears of a guest's new name")
    func renamedGuest() async throws {
        try await APIWorld.run { api in
            let scene = try await scene(api)
            let path = "/api/v1/events/\(scene.event)/check-in-manifest"
            let before = try #require(try await api.client.get(path, token: scene.staff).headers["etag"])
            let name = #"{"displayName":"Guest Anew"}"#
            #expect(try await api.client.patch("/api/v1/me", name, token: scene.holder).status == 200)
            let after = try await api.client.get(path, token: scene.staff, headers: ["If-None-Match": before])
            #expect(after.status == 200)
            let list = try #require(Base64URL.decode(String(after.text.split(separator: ".")[1])))
            #expect(String(decoding: list, as: UTF8.self).contains("Guest Anew"))
        }
    }

    @Test("a manifest is no access token, although the same key signed it")
    func manifestIsNoToken() async throws {
        try await APIWorld.run { api in
            let scene = try await scene(api)
            let manifest = try await api.client.get(
                "/api/v1/events/\(scene.event)/check-in-manifest", token: scene.staff)
            #expect(try await api.client.get("/api/v1/me", token: manifest.text).status == 401)
        }
    }

    @Test("offline scans are merged, told apart and shown; the organizer takes one back")
    func batch() async throws {
        try await APIWorld.run { api in
            let scene = try await scene(api, tickets: 2)
            let path = "/api/v1/events/\(scene.event)/check-ins"
            let times = (1...3).map { Timestamp.text(Date() - 600 + Double($0)) }
            func scan(_ id: String, _ code: String, _ device: String, _ time: Int) -> String {
                #"{"scanId":"\#(id)","device":"\#(device)","gate":"\#(device)","code":"\#(code)","scannedAt":"\#(times[time])"}"#
            }
            let forged = "EM1:" + String(scene.tickets[0].qrText.dropFirst(4).reversed())
            let north = [
                scan("1", scene.tickets[0].qrText, "north", 1), scan("2", forged, "north", 1),
                scan("3", scene.tickets[1].code, "north", 2),
            ]
            let south = [scan("1", scene.tickets[0].qrText, "south", 0)]
            func send(_ scans: [String]) async throws -> [[String: JSONValue]] {
                let answer = try await api.client.post(
                    "\(path)/batch", #"{"scans":[\#(scans.joined(separator: ","))]}"#, token: scene.staff)
                #expect(answer.status == 200, "\(answer.text)")
                guard case .array(let results)? = answer["results"] else { return [] }
                return results.compactMap { if case .object(let result) = $0 { result } else { nil } }
            }
            let first = try await send(north)
            #expect(first.map { $0["result"] } == [.string("admitted"), .string("unknown"), .string("admitted")])
            #expect(first.map { $0["scanId"] } == [.string("1"), .string("2"), .string("3")])
            let second = try await send(south)
            #expect(second[0]["result"] == .string("admitted"))
            guard case .object(let conflict)? = second[0]["conflict"] else {
                Issue.record("no conflict: \(second)")
                return
            }
            #expect(conflict["gate"] == .string("north"))
            #expect(conflict["at"] == .string(times[1]))

            let shown = try await api.client.get("\(path)?limit=2", token: scene.staff)
            #expect(shown.text.occurrences(of: #""offline":true"#) == 2)
            #expect(shown.string("nextCursor") != nil)
            #expect(try await api.client.get("\(path)/conflicts", token: scene.staff).status == 403)
            let conflicts = try await api.client.get("\(path)/conflicts", token: scene.organizer)
            #expect(conflicts.text.contains("admittedTwice"))
            #expect(conflicts.text.contains("refusedLater"), "the gate let a forged one in")

            guard case .string(let id)? = second[0]["checkInId"] else { return }
            let undo = "/api/v1/check-ins/\(id)/undo"
            #expect(try await api.client.post(undo, "{}", token: scene.organizer).fields == ["reason"])
            #expect(try await api.client.post(undo, #"{"reason":"x"}"#, token: scene.staff).status == 403)
            #expect(try await api.client.post(undo, #"{"reason":"x"}"#, token: scene.holder).status == 404)
            let undone = try await api.client.post(undo, #"{"reason":"the wrong person"}"#, token: scene.organizer)
            #expect(undone.status == 200)
            #expect(undone.string("reason") == "the wrong person")
            let again = try await api.client.post(undo, #"{"reason":"again"}"#, token: scene.organizer)
            #expect(again.string("reason") == "the wrong person")
            let anew = try await api.client.post(path, #"{"code":"\#(scene.tickets[0].code)"}"#, token: scene.staff)
            #expect(anew.string("result") == "admitted")
            let audit = try await api.world.database.read("SELECT 1 FROM audit WHERE action = 'check-in.undone'")
            #expect(audit.count == 1)
        }
    }

    @Test("mistakes in a batch are named by their place; more than 500 scans are too many")
    func badBatch() async throws {
        try await APIWorld.run { api in
            let scene = try await scene(api)
            let path = "/api/v1/events/\(scene.event)/check-ins/batch"
            let wrong = try await api.client.post(
                path, #"{"scans":[{"code":"x","device":"d","scanId":"1","scannedAt":"yesterday"},7,{"code":"x"}]}"#,
                token: scene.staff)
            #expect(wrong.status == 422)
            #expect(
                Set(wrong.fields) == [
                    "scans[0].scannedAt", "scans[1]", "scans[2].device", "scans[2].scanId", "scans[2].scannedAt",
                ])
            let one = #"{"code":"x","device":"d","scanId":"1","scannedAt":"2026-01-01T00:00:00Z"}"#
            let many = Array(repeating: one, count: 501).joined(separator: ",")
            #expect(try await api.client.post(path, "{\"scans\":[\(many)]}", token: scene.staff).fields == ["scans"])
            #expect(try await api.client.post(path, #"{"scans":[]}"#, token: scene.staff).status == 200)
        }
    }

    @Test("an organizer makes the team; the owner stays, and strangers are not asked")
    func members() async throws {
        try await APIWorld.run { api in
            let scene = try await scene(api)
            let path = "/api/v1/events/\(scene.event)/members"
            let gus = try await api.client.get(path, token: scene.organizer)
            #expect(gus.text.occurrences(of: #""userId":"#) == 2)
            #expect(gus.text.contains("checkInStaff"))
            #expect(try await api.client.get(path, token: scene.staff).status == 403)

            let partner = try await api.signUp("Pat")
            let email = try #require(try await api.world.users.find(partner.id)?.email)
            func add(_ email: String, _ role: String, _ token: String) async throws -> Answer {
                try await api.client.post(path, #"{"email":"\#(email)","role":"\#(role)"}"#, token: token)
            }
            #expect(try await add(email, "coOrganizer", scene.staff).status == 403)
            #expect(try await add(email, "owner", scene.organizer).fields == ["role"])
            #expect(try await add("nobody@example.org", "checkInStaff", scene.organizer).fields == ["email"])
            #expect(try await add(email, "checkInStaff", scene.organizer).status == 201)
            #expect(try await add(email, "coOrganizer", scene.organizer).status == 200)
            #expect(try await add(email, "coOrganizer", scene.organizer).status == 200)
            #expect(try await api.client.get(path, token: partner.token).status == 200)

            let owner = try #require(try await api.world.database.read("SELECT owner_id FROM events").first)
            let ownerID = try owner.decode("owner_id", as: UserID.self)
            let stays = try await api.client.delete("\(path)/\(ownerID)", token: partner.token)
            #expect(stays.problem == "owner-stays")
            for _ in 0..<2 {
                #expect(try await api.client.delete("\(path)/\(partner.id)", token: scene.organizer).status == 204)
            }
            #expect(try await api.client.get(path, token: partner.token).status == 403)
            let audit = try await api.world.database.read("SELECT action FROM audit WHERE action LIKE 'member.%'")
            #expect(audit.count == 4)
            func mails() async throws -> Int {
                try await api.world.database.read(
                    "SELECT 1 FROM notifications WHERE kind = 'member.added' AND user_id = \(partner.id)"
                ).count
            }
            #expect(try await mails() == 2, "one for each role")
            for _ in 0..<6 {
                _ = try await add(email, "checkInStaff", scene.organizer)
                _ = try await api.client.delete("\(path)/\(partner.id)", token: scene.organizer)
            }
            #expect(try await mails() == NotificationStore.teamMailsADay, "nobody's inbox is flooded")
        }
    }
}
