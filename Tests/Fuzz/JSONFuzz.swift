import Foundation

/// What libFuzzer feeds to ``JSONDocument``, built by Tests/Chaos/test_fuzz.py together with that file alone.
///
/// What is taken has to be JSON to Foundation too, and to say the same; what is refused only has to be refused, in time and
/// within the bytes (the build has AddressSanitizer's checks and Swift's own).
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    let document: JSONDocument
    do throws(JSONDocumentError) {
        document = try JSONDocument(bytes)
    } catch {
        return 0
    }
    let reference: Reference
    do {
        reference = try JSONDecoder().decode(Reference.self, from: Data(bytes))
    } catch {
        // Foundation knows no `0e1`, which RFC 8259 does.
        let text = String(decoding: bytes, as: UTF8.self)
        if text.contains("0e") || text.contains("0E") { return 0 }
        fatalError("taken, but no JSON to Foundation: \(String(decoding: bytes, as: UTF8.self))")
    }
    guard Reference(document.root) == reference else {
        fatalError("read otherwise than by Foundation: \(String(decoding: bytes, as: UTF8.self))")
    }
    // A value as it is written is a document of its own, with the same value.
    guard let again = try? JSONDocument(document.root.source), Reference(again.root) == reference else {
        fatalError("its source is something else: \(String(decoding: bytes, as: UTF8.self))")
    }
    return 0
}

/// The whole value, by either way.
private enum Reference: Decodable, Equatable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([Reference])
    case object([String: Reference])

    init(_ element: JSONElement) {
        if element.isNull {
            self = .null
        } else if let bool = element.bool {
            self = .bool(bool)
        } else if let number = element.number {
            self = .number(Double(number)!)
        } else if let string = element.string {
            self = .string(string)
        } else if let elements = element.elements(upTo: .max) {
            self = .array(elements.map(Reference.init))
        } else {
            self = .object(element.members!.mapValues(Reference.init))
        }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let bool = try? container.decode(Bool.self) {
            self = .bool(bool)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let string = try? container.decode(String.self) {
            self = .string(string)
        } else if let array = try? container.decode([Reference].self) {
            self = .array(array)
        } else {
            self = .object(try container.decode([String: Reference].self))
        }
    }
}
