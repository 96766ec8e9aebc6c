@testable import api_service
import Domain
import FoundationEssentials
import Persistence
import Postgres
import TestSupport
import Testing

@Suite struct MailingAPITests {
    private static let soon = Timestamp.text(Date() + 3600)

    @Test("An announcement can wait and be taken back; until it is told nobody but the organizer sees it")
    func scheduled() async throws {
        try await APIWorld.run { api in
            let owner = try await api.signUp(role: .organizer)
            let event = try await api.event(owner.token)
            let path = "/api/v1/events/\(event)"
            let made = try await api.client.post(
                "\(path)/announcements",
                #"{"title":"Doors","body":"At six","audience":"confirmed","sendAt":"\#(Self.soon)"}"#,
                token: owner.token)
            #expect(
                made.status == 201 && made.string("status") == "scheduled" && made.string("audience") == "confirmed")
            let id = try #require(made.string("id"))
            #expect(try await api.client.get("\(path)/announcements").text.contains(id) == false)
            let mailing = try await api.client.get("\(path)/mailings/\(id)", token: owner.token)
            #expect(
                mailing.status == 200 && mailing.string("status") == "scheduled" && mailing.string("title") == "Doors")
            for _ in 0..<2 {
                let gone = try await api.client.delete("\(path)/announcements/\(id)", token: owner.token)
                #expect(gone.status == 200 && gone.string("status") == "cancelled")
            }
            let told = try await api.client.post(
                "\(path)/announcements", #"{"title":"Now","body":"At once"}"#, token: owner.token)
            #expect(told.string("status") == "posted" && told.string("audience") == "all")
            let late = try await api.client.delete(
                "\(path)/announcements/\(try #require(told.string("id")))", token: owner.token)
            #expect(late.status == 409 && late.problem == "already-posted")
        }
    }

    @Test(
        "A time that has passed, lies after the event or is none, and people who are none, are refused",
        arguments: [
            #""sendAt":"2020-01-01T00:00:00Z""#, #""sendAt":"2199-01-01T00:00:00Z""#, #""sendAt":"tomorrow""#,
            #""audience":"everybody""#, #""audience":7"#,
        ])
    func refused(field: String) async throws {
        try await APIWorld.run { api in
            let owner = try await api.signUp(role: .organizer)
            let event = try await api.event(owner.token)
            let answer = try await api.client.post(
                "/api/v1/events/\(event)/announcements", #"{"title":"T","body":"B",\#(field)}"#, token: owner.token)
            #expect(answer.status == 422)
        }
    }

    @Test("Whoever may not see an event's mailings doesn't, and a mailing of another event is none")
    func others() async throws {
        try await APIWorld.run { api in
            let (owner, other) = (try await api.signUp(role: .organizer), try await api.signUp(role: .organizer))
            let (mine, theirs) = (try await api.event(owner.token), try await api.event(other.token))
            let told = try await api.client.post(
                "/api/v1/events/\(mine)/announcements", #"{"title":"T","body":"B"}"#, token: owner.token)
            let id = try #require(told.string("id"))
            for path in ["/api/v1/events/\(mine)/mailings", "/api/v1/events/\(mine)/mailings/\(id)"] {
                #expect(try await api.client.get(path, token: other.token).status == 403)
            }
            #expect(
                try await api.client.get("/api/v1/events/\(theirs)/mailings/\(id)", token: other.token).status == 404)
            #expect(
                try await api.client.delete("/api/v1/events/\(theirs)/announcements/\(id)", token: other.token).status
                    == 404)
        }
    }

    @Test("Preferences and language are one's own to choose, but mails of the registration stay")
    func preferences() async throws {
        try await APIWorld.run { api in
            let user = try await api.signUp()
            let path = "/api/v1/me/preferences"
            let changed = try await api.client.patch(
                path, #"{"language":"de","topics":[{"topic":"reminders","mail":false}]}"#, token: user.token)
            #expect(changed.status == 200 && changed.string("language") == "de")
            #expect(try await api.client.get("/api/v1/me", token: user.token).string("language") == "de")
            let wrong = try await api.client.patch(
                path, #"{"topics":[{"topic":"registrations","mail":false}]}"#, token: user.token)
            #expect(wrong.status == 422 && wrong.text.contains("topics[0].mail"))
            #expect(try await api.client.patch(path, #"{"language":"fr"}"#, token: user.token).status == 422)
            #expect(
                try await api.client.patch("/api/v1/me", #"{"language":"en"}"#, token: user.token).string("language")
                    == "en")
        }
    }

    @Test(
        "One click of a mail program, which sends a form and is not signed in, ends the mails; a person is led to the page"
    )
    func oneClick() async throws {
        try await APIWorld.run { api in
            let user = try await api.signUp()
            let token = SecretToken()
            let store = PreferenceStore(api.world.database)
            try await store.createLink(token.hash, of: user.id, about: .announcements, now: Date())
            let path = "/api/v1/unsubscribe?token=\(token.text)"
            let page = try await api.client.get(path)
            #expect(page.status == 303 && page.headers["location"] == "/unsubscribe#token=\(token.text)")
            #expect(try #require(try await store.find(user.id)).topics.allSatisfy(\.mail))
            for _ in 0..<2 { #expect(try await api.client.post(path, "List-Unsubscribe=One-Click").status == 200) }
            #expect(try #require(try await store.find(user.id)).topics.map(\.mail) == [true, true, false, true])
            let again = try await api.client.post(
                "/api/v1/unsubscribe", #"{"token":"\#(token.text)","mail":true}"#)
            #expect(again.status == 200)
            #expect(try #require(try await store.find(user.id)).topics.allSatisfy(\.mail))
            #expect(try await api.client.post("/api/v1/unsubscribe?token=\(SecretToken().text)").status == 410)
        }
    }

    @Test("An organizer chooses words, colour and reminders; what can't be read or means nothing is refused")
    func settings() async throws {
        try await APIWorld.run { api in
            let owner = try await api.signUp(role: .organizer)
            let path = "/api/v1/events/\(try await api.event(owner.token))/mail-settings"
            #expect(
                try await api.client.get(path, token: owner.token).text.contains(#""reminders":["P7D","PT24H"]"#))
            let body =
                ##"{"paragraph":"Bring a coat","colour":"#7A1F3D","reminders":["P2D"],"replyTo":"Team@example.org"}"##
            let changed = try await api.client.put(path, body, token: owner.token)
            #expect(changed.status == 200 && changed.string("colour") == "#7a1f3d")
            #expect(changed.string("replyTo") == "team@example.org")
            #expect(try await api.client.get(path, token: owner.token).body == changed.body)
            // What was read can be sent back, with nothing where there is nothing.
            let plain = try await api.client.put(
                path, #"{"paragraph":"","colour":null,"reminders":[],"replyTo":null}"#, token: owner.token)
            #expect(plain.status == 200 && plain.text.contains(#""replyTo":null"#))
            #expect(try await api.client.put(path, plain.text, token: owner.token).body == plain.body)
            for wrong in [
                ##"{"colour":"#ffffff"}"##, #"{"replyTo":"nobody"}"#, #"{"replyTo":""}"#, #"{"colour":"red"}"#,
                #"{"reminders":["P7D","P7D"]}"#,
                #"{"reminders":["P1W"]}"#,
                #"{"reminders":"P7D"}"#, #"{"reminders":["P1D","P2D","P3D","P4D","P5D","P6D"]}"#,
            ] {
                #expect(try await api.client.put(path, wrong, token: owner.token).status == 422, "\(wrong)")
            }
        }
    }

    @Test("A preview that nobody makes in time is refused; one that is made can be looked at for an hour")
    func previews() async throws {
        try await APIWorld.run { api in
            let owner = try await api.signUp(role: .organizer)
            let event = try #require(EventID(try await api.event(owner.token)))
            let stores = Stores(api.world.database)
            let request = MailPreviewRequest(
                event: event, kind: .eventReminder, language: .english, announcement: nil, paragraph: "", colour: nil)
            let hurried = PreviewMail(stores: stores, clock: { Date() }, timeout: .milliseconds(50))
            await #expect(throws: APIProblem.self) { try await hurried.perform(request) }

            let id = MailPreviewID(UUID())
            try await stores.mailPreviews.ask(request, as: id, at: Date(timeIntervalSinceNow: -3500))
            let path = "/api/v1/mail-previews/\(id).html"
            #expect(try await api.client.get(path).status == 404)
            try await stores.mailPreviews.fulfil(id, MailPreview(subject: "S", text: "T", html: "<p>Soon</p>"))
            let page = try await api.client.get(path)
            #expect(page.status == 200 && page.text == "<p>Soon</p>")
            #expect(try await stores.mailPreviews.find(id, now: Date(timeIntervalSinceNow: 101)) == nil)
        }
    }

    @Test("Sending is the administrators' to pause and resume; the timeline is the person's and the organizer's")
    func delivery() async throws {
        try await APIWorld.run { api in
            let (admin, owner, user) = (
                try await api.signUp(role: .admin), try await api.signUp(role: .organizer), try await api.signUp()
            )
            for (action, isPaused) in [("pause", true), ("pause", true), ("resume", false)] {
                let answer = try await api.client.post("/api/v1/admin/sending/\(action)", token: admin.token)
                #expect(answer.status == 200 && answer.text.contains(#""isPaused":\#(isPaused)"#))
            }
            #expect(try await api.client.post("/api/v1/admin/sending/pause", token: owner.token).status == 403)
            let event = try await api.event(owner.token)
            let place = try await api.client.post("/api/v1/events/\(event)/registrations", token: user.token)
            let path = "/api/v1/registrations/\(try #require(place.string("id")))/timeline"
            for token in [user.token, owner.token, admin.token] {
                let answer = try await api.client.get(path, token: token)
                #expect(answer.status == 200 && answer.text.contains(#""step":"registered""#))
            }
            #expect(try await api.client.get(path, token: try await api.signUp().token).status == 404)
            let waiting = try await api.client.get("/api/v1/events/\(event)/delivery", token: owner.token)
            #expect(waiting.status == 200 && waiting.text.contains(#""sendersConnected":null"#))
        }
    }
}
