import Domain
import Testing

@testable import ws_hub

@Suite("What a socket's client can say")
struct ClientMessageTests {
    @Test("the three messages")
    func known() throws {
        #expect(try ClientMessage(#"{"type":"authenticate","token":"t"}"#) == .authenticate(token: "t"))
        #expect(try ClientMessage(#"{"type":"subscribe","topic":"me","more":1}"#) == .subscribe(topic: "me"))
        #expect(try ClientMessage(#"{"type":"unsubscribe","topic":"x"}"#) == .unsubscribe(topic: "x"))
    }

    @Test(
        "everything else is refused with a code, and nothing of it comes back",
        arguments: [
            ("", "malformed-message"), ("[]", "malformed-message"), ("{", "malformed-message"),
            (#"{"type":1}"#, "malformed-message"), (#"{"type":"subscribe"}"#, "malformed-message"),
            (#"{"type":"subscribe","topic":{}}"#, "malformed-message"), (#"{"type":"dance"}"#, "unknown-type"),
            (String(repeating: "[", count: 8000), "malformed-message"),
        ])
    func refused(text: String, code: String) {
        let refusal = #expect(throws: ClientMessage.Refusal.self) { try ClientMessage(text) }
        #expect(refusal?.code == code)
        #expect(refusal?.message.contains("dance") == false)
    }

    @Test("topics are named by lower-case or upper-case ids")
    func topics() throws {
        let id = EventID()
        #expect(TopicName("event:\(id)") == .event(id))
        #expect(TopicName("event:\("\(id)".uppercased())") == .event(id))
        #expect(TopicName("organizer:\(id)") == .organizer(id))
        #expect(TopicName("me") == .me)
        for wrong in ["", "event:", "event", "event:1", "me:\(id)", "other:\(id)", "event:\(id):x", "organizer"] {
            #expect(TopicName(wrong) == nil)
        }
    }

    @Test("a Redis channel names its topic")
    func channels() {
        for topic in [Topic.event(EventID()), .person(UserID()), .organizer(EventID())] {
            #expect(Topic(channel: topic.channel) == topic)
        }
        #expect(Topic(channel: "em:live:event:1") == nil)
        #expect(Topic(channel: "other") == nil)
    }

    @Test("every close code has a number of its own and a short constant reason")
    func closeCodes() {
        #expect(Set(CloseCode.allCases.map(\.rawValue)).count == CloseCode.allCases.count)
        for code in CloseCode.allCases {
            #expect(code.reason.utf8.count <= 123)
            #expect(CloseCode.mayTravel(code.rawValue))
        }
    }
}
