import FoundationEssentials
import Testing

@testable import AMQP

@Suite("AMQP field tables")
struct FieldTableTests {
    @Test("every kind of value survives the wire")
    func roundTrip() {
        let table: [String: FieldValue] = [
            "text": "grün ✓", "number": .int(.min), "flag": true, "ratio": .double(0.1), "nothing": .null,
            "time": .timestamp(Date(timeIntervalSince1970: 1_700_000_000)), "raw": .bytes([0, 255, 1]),
            "nested": .table(["list": .array([1, "two", .table([:])])]), "": "empty key",
        ]
        let encoded = FieldTable.encode(table)
        #expect(encoded.withUnsafeBytes { FieldTable.decode($0) } == table)
    }

    @Test("the wire format is RabbitMQ's")
    func wireFormat() {
        #expect(FieldTable.encode([:]) == [])
        #expect(
            FieldTable.encode(["k": "v"])
                == [0, 0, 0, 8, 1, UInt8(ascii: "k"), UInt8(ascii: "S"), 0, 0, 0, 1, UInt8(ascii: "v")])
    }

    @Test("narrow numbers that other clients send are read")
    func narrowNumbers() {
        let content: [UInt8] = [
            1, 97, UInt8(ascii: "b"), 0xFF,
            1, 98, UInt8(ascii: "s"), 0xFF, 0xFE,
            1, 99, UInt8(ascii: "I"), 0, 0, 1, 0,
            1, 100, UInt8(ascii: "D"), 2, 0, 0, 0, 150,
        ]
        let encoded = [0, 0, 0, UInt8(content.count)] + content
        #expect(
            encoded.withUnsafeBytes { FieldTable.decode($0) }
                == ["a": .int(-1), "b": .int(-2), "c": .int(256), "d": .double(1.5)])
    }

    @Test("every truncation is refused, never read past the end")
    func truncation() {
        let encoded = FieldTable.encode(["list": .array(["a", .table(["b": 1])]), "c": .bytes([1, 2])])
        for length in 1..<encoded.count {
            #expect(encoded[..<length].withUnsafeBytes { FieldTable.decode($0) } == nil)
        }
    }

    @Test("nesting beyond reason is refused")
    func nesting() {
        let deep = (0..<40).reduce(FieldValue.null) { inner, _ in .array([inner]) }
        #expect(FieldTable.encode(["deep": deep]).withUnsafeBytes { FieldTable.decode($0) } == nil)
    }
}
