import Domain
import FoundationEssentials
import Testing

@Suite("Tickets")
struct TicketTests {
    @Test("a typed code is read whatever its case, spaces and hyphens, and O, I, L are taken as 0, 1, 1")
    func typedCode() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let code = TicketCode(using: &generator)
            let bare = code.description.replacing("-", with: "")
            #expect(bare.count == 12)
            #expect(TicketCode(typed: code.description) == code)
            #expect(TicketCode(typed: " " + bare.lowercased() + " ") == code)
            #expect(TicketCode(typed: bare.replacing("0", with: "O").replacing("1", with: "l")) == code)
        }
    }

    @Test("a slip of one key or of two neighbours is noticed")
    func checkCharacter() {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
        for _ in 0..<50 {
            let code = Array(TicketCode(using: &generator).description.replacing("-", with: ""))
            for position in code.indices {
                for other in alphabet where other != code[position] {
                    // The one pair that a sum modulo 31 can't tell apart.
                    if Set([other, code[position]]) == ["0", "Z"] { continue }
                    var slip = code
                    slip[position] = other
                    #expect(TicketCode(typed: String(slip)) == nil)
                }
            }
            for position in 0..<10 where Set(code[position...position + 1]) != ["0", "Z"] {
                var swapped = code
                swapped.swapAt(position, position + 1)
                if swapped != code { #expect(TicketCode(typed: String(swapped)) == nil) }
            }
        }
    }

    @Test("nonsense is no code", arguments: ["", "abc", "UUUU-UUUU-UUUU", "7K3M-Q9XT-2VHDX", "🎫🎫🎫🎫"])
    func notACode(text: String) {
        #expect(TicketCode(typed: text) == nil)
    }

    @Test(
        "a code is known by its first four characters or more, however they are typed",
        arguments: [
            ("7k3m", "7K3M"), ("7K3M-", "7K3M"), ("7k3m q9", "7K3M-Q9"), ("OIL7k", "0117-K"),
            ("7K3M-Q9XT-2VHD", "7K3M-Q9XT-2VHD"), ("7K3", nil), ("7K3M-Q9XT-2VHDX", nil), ("ulla", nil), ("a b@c", nil),
        ])
    func beginning(typed: String, prefix: String?) {
        #expect(TicketCode.prefix(typed: typed) == prefix)
    }

    @Test("a token comes back as it was written, and fits QR's alphanumeric alphabet")
    func tokenRoundTrip() throws {
        let token = TicketToken(
            keyID: [1, 2, 3, 4], ticketID: TicketID(), eventID: EventID(), issue: 3,
            notAfter: Date(timeIntervalSince1970: 1_900_000_020))
        let signature = (0..<64).map { UInt8($0) }
        let text = token.text(signature: signature)
        let alphabet = Set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
        #expect(text.allSatisfy(alphabet.contains))
        #expect(text.utf8.count == 177)
        let parsed = try #require(TicketToken.parse(text))
        #expect(parsed.token == token)
        #expect(parsed.signature == signature)
        #expect(parsed.token.signedBytes == token.signedBytes)
        #expect(TicketToken.parse(text.lowercased())?.token == token)
    }

    @Test("times are told to the minute, in the holder's favour, and what ends beyond 2051 doesn't end")
    func tokenTimes() throws {
        func read(_ notBefore: TimeInterval, _ notAfter: TimeInterval) throws -> [TimeInterval?] {
            let token = TicketToken(
                keyID: [1, 2, 3, 4], ticketID: TicketID(), eventID: EventID(),
                notBefore: Date(timeIntervalSince1970: notBefore), notAfter: Date(timeIntervalSince1970: notAfter))
            let parsed = try #require(TicketToken.parse(token.text(signature: Array(repeating: 0, count: 64)))).token
            return [parsed.notBefore?.timeIntervalSince1970, parsed.notAfter?.timeIntervalSince1970]
        }
        #expect(try read(1_800_000_059, 1_800_000_061) == [1_800_000_000, 1_800_000_120])
        #expect(try read(0, 2_584_469_700) == [1_577_836_860, 2_584_469_700])
        #expect(try read(2_600_000_000, 2_600_000_000) == [2_584_469_700, nil])
    }

    @Test("anything else is no token")
    func notAToken() {
        let text = TicketToken(keyID: [1, 2, 3, 4], ticketID: TicketID(), eventID: EventID())
            .text(signature: Array(repeating: 0, count: 64))
        #expect(TicketToken.parse("") == nil)
        #expect(TicketToken.parse("https://example.com") == nil)
        #expect(TicketToken.parse(String(text.dropLast())) == nil)
        #expect(TicketToken.parse(text + "A") == nil)
        #expect(TicketToken.parse(String(text.dropFirst())) == nil)
        #expect(TicketToken.parse(text.replacing("EM1:", with: "EM2:")) == nil)
        #expect(TicketToken.parse(text.dropLast() + "1") == nil)
    }
}
