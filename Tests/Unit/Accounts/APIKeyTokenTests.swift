import Domain
import Persistence
import Testing

@Suite("API keys as text")
struct APIKeyTokenTests {
    @Test("a key is read as it was made")
    func roundTrip() throws {
        for _ in 0..<100 {
            let made = APIKeyToken(id: APIKeyID())
            #expect(made.text.utf8.count == 70)
            let read = try #require(APIKeyToken(made.text))
            #expect(read.id == made.id)
            #expect(read.hash == made.hash)
        }
        let id = APIKeyID()
        #expect(APIKeyToken(id: id).hash != APIKeyToken(id: id).hash)
    }

    @Test("what is no key is none")
    func refused() {
        let text = APIKeyToken(id: APIKeyID()).text
        for wrong in [
            "", "emk_", String(text.dropLast()), text + "A", "emx_" + text.dropFirst(4),
            "emk_" + String(repeating: "*", count: 22) + text.dropFirst(26), String(repeating: "é", count: 35),
        ] {
            #expect(APIKeyToken(wrong) == nil, "\(wrong)")
        }
    }
}
