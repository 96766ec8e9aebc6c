import Domain
import Testing

@Suite("Patterns of message types")
struct MessagePatternTests {
    @Test("a type, a family and everything match what they say")
    func matching() throws {
        let one = try #require(MessagePattern("em.ticket.issued"))
        let family = try #require(MessagePattern("em.ticket.*"))
        #expect(one.matches("em.ticket.issued"))
        #expect(!one.matches("em.ticket.revoked"))
        #expect(family.matches("em.ticket.revoked"))
        // A type of a later version.
        #expect(family.matches("em.ticket.printed"))
        #expect(!family.matches("em.ticketing.issued"))
        #expect(!family.matches("em.ticket"))
        #expect(MessagePattern.every.matches("em.whatever.comes"))
        for type in MessageType.allCases {
            #expect(MessagePattern(type.rawValue)?.matches(type.rawValue) == true)
            #expect(MessagePattern("\(type.family).*")?.matches(type.rawValue) == true)
        }
    }

    @Test("a pattern is written as it was read")
    func text() {
        for text in ["*", "em.registration.*", "em.registration.confirmed"] {
            #expect(MessagePattern(text)?.description == text)
        }
    }

    @Test("what no message can match is no pattern")
    func refused() {
        for text in [
            "", "#", "em.*", "em.*.confirmed", "em.nothing.*", "em.registration", "em.registration.", "mail.send", "**",
        ] {
            #expect(MessagePattern(text) == nil, "\(text)")
        }
    }
}
