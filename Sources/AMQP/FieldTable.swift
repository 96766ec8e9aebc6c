import FoundationEssentials

/// AMQP 0-9-1 field tables in wire format, as RabbitMQ speaks them (https://www.rabbitmq.com/amqp-0-9-1-errata,
/// section 3): so tables cross the border to C as bytes.
enum FieldTable {
    /// A table with its length in front; empty for an empty table. Keys longer than 255 bytes can't be said in AMQP and
    /// are a programmer's error.
    static func encode(_ table: [String: FieldValue]) -> [UInt8] {
        guard !table.isEmpty else { return [] }
        var bytes: [UInt8] = []
        append(table, to: &bytes)
        return bytes
    }

    private static func append(_ table: [String: FieldValue], to bytes: inout [UInt8]) {
        withLength(in: &bytes) { bytes in
            // Sorted, so that equal tables are equal bytes.
            for (key, value) in table.sorted(by: { $0.key < $1.key }) {
                precondition(key.utf8.count <= 255, "an AMQP field name has at most 255 bytes")
                bytes.append(UInt8(key.utf8.count))
                bytes.append(contentsOf: key.utf8)
                append(value, to: &bytes)
            }
        }
    }

    private static func append(_ value: FieldValue, to bytes: inout [UInt8]) {
        switch value {
        case .string(let text):
            bytes.append(UInt8(ascii: "S"))
            withLength(in: &bytes) { $0.append(contentsOf: text.utf8) }
        case .bytes(let content):
            bytes.append(UInt8(ascii: "x"))
            withLength(in: &bytes) { $0.append(contentsOf: content) }
        case .int(let number):
            bytes.append(UInt8(ascii: "l"))
            append(UInt64(bitPattern: Int64(number)), to: &bytes)
        case .double(let number):
            bytes.append(UInt8(ascii: "d"))
            append(number.bitPattern, to: &bytes)
        case .timestamp(let date):
            bytes.append(UInt8(ascii: "T"))
            append(UInt64(max(0, date.timeIntervalSince1970)), to: &bytes)
        case .bool(let flag):
            bytes.append(contentsOf: [UInt8(ascii: "t"), flag ? 1 : 0])
        case .null:
            bytes.append(UInt8(ascii: "V"))
        case .table(let table):
            bytes.append(UInt8(ascii: "F"))
            append(table, to: &bytes)
        case .array(let values):
            bytes.append(UInt8(ascii: "A"))
            withLength(in: &bytes) { bytes in
                for value in values { append(value, to: &bytes) }
            }
        }
    }

    private static func append<Number: FixedWidthInteger>(_ number: Number, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// Writes a 4-byte length in front of what `body` appends.
    private static func withLength(in bytes: inout [UInt8], _ body: (inout [UInt8]) -> Void) {
        let start = bytes.count
        bytes.append(contentsOf: [0, 0, 0, 0])
        body(&bytes)
        let length = UInt32(bytes.count - start - 4)
        for index in 0..<4 { bytes[start + index] = UInt8(truncatingIfNeeded: length >> (24 - 8 * index)) }
    }

    /// The table in `bytes`, or nil if they are not one. Unsigned 64-bit numbers beyond `Int.max` wrap.
    static func decode(_ bytes: UnsafeRawBufferPointer) -> [String: FieldValue]? {
        guard !bytes.isEmpty else { return [:] }
        var reader = Reader(bytes: bytes)
        return reader.table(depth: 0)
    }

    private struct Reader {
        let bytes: UnsafeRawBufferPointer
        var offset = 0

        mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
            let size = MemoryLayout<Number>.size
            guard bytes.count - offset >= size else { return nil }
            defer { offset += size }
            return Number(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Number.self))
        }

        mutating func slice(_ count: Int) -> UnsafeRawBufferPointer? {
            guard count >= 0, bytes.count - offset >= count else { return nil }
            defer { offset += count }
            return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
        }

        mutating func longSlice() -> UnsafeRawBufferPointer? {
            guard let length = number(UInt32.self) else { return nil }
            return slice(Int(length))
        }

        mutating func table(depth: Int) -> [String: FieldValue]? {
            // What a peer nests deeper than this is not worth our stack.
            guard depth < 16, let content = longSlice() else { return nil }
            var inner = Reader(bytes: content)
            var table: [String: FieldValue] = [:]
            while inner.offset < content.count {
                guard let length = inner.number(UInt8.self), let key = inner.slice(Int(length)),
                    let value = inner.value(depth: depth)
                else { return nil }
                table[String(decoding: key, as: UTF8.self)] = value
            }
            return table
        }

        mutating func array(depth: Int) -> [FieldValue]? {
            guard depth < 16, let content = longSlice() else { return nil }
            var inner = Reader(bytes: content)
            var values: [FieldValue] = []
            while inner.offset < content.count {
                guard let value = inner.value(depth: depth) else { return nil }
                values.append(value)
            }
            return values
        }

        mutating func value(depth: Int) -> FieldValue? {
            guard let type = number(UInt8.self) else { return nil }
            switch Character(UnicodeScalar(type)) {
            case "S": return longSlice().map { .string(String(decoding: $0, as: UTF8.self)) }
            case "x": return longSlice().map { .bytes(Array($0)) }
            case "t": return number(UInt8.self).map { .bool($0 != 0) }
            case "b": return number(Int8.self).map { .int(Int($0)) }
            case "B": return number(UInt8.self).map { .int(Int($0)) }
            case "s": return number(Int16.self).map { .int(Int($0)) }
            case "u": return number(UInt16.self).map { .int(Int($0)) }
            case "I": return number(Int32.self).map { .int(Int($0)) }
            case "i": return number(UInt32.self).map { .int(Int($0)) }
            case "l", "L": return number(Int64.self).map { .int(Int($0)) }
            case "f": return number(UInt32.self).map { .double(Double(Float(bitPattern: $0))) }
            case "d": return number(UInt64.self).map { .double(Double(bitPattern: $0)) }
            case "D": return decimal()
            case "T": return number(UInt64.self).map { .timestamp(Date(timeIntervalSince1970: Double($0))) }
            case "F": return table(depth: depth + 1).map { .table($0) }
            case "A": return array(depth: depth + 1).map { .array($0) }
            case "V": return .null
            default: return nil
            }
        }

        mutating func decimal() -> FieldValue? {
            guard let scale = number(UInt8.self), let digits = number(UInt32.self) else { return nil }
            return .double((0..<scale).reduce(Double(digits)) { value, _ in value / 10 })
        }
    }
}
