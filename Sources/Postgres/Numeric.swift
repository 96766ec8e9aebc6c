/// PostgreSQL's `numeric` in its binary format: base-10,000 digits, the first worth 10,000^weight
/// (`numeric_send` in `src/backend/utils/adt/numeric.c`).
struct Numeric {
    private let digits: [Int64]
    private let weight: Int
    private let isNegative: Bool

    init(_ bytes: UnsafeRawBufferPointer) throws(PostgresDecodingFailure) {
        guard bytes.count >= 8 else { throw .malformed }
        let count = Int(Int16(bigEndianBytes: bytes))
        guard count >= 0, bytes.count == 8 + 2 * count else { throw .malformed }
        weight = Int(Int16(bigEndianBytes: bytes, at: 2))
        switch UInt16(bigEndianBytes: bytes, at: 4) {
        case 0x0000: isNegative = false
        case 0x4000: isNegative = true
        default: throw .outOfRange  // NaN and the infinities
        }
        digits = (0..<count).map { Int64(Int16(bigEndianBytes: bytes, at: 8 + 2 * $0)) }
    }

    /// The exact integer; throws when there is a fraction or no room.
    func integer() throws(PostgresDecodingFailure) -> Int64 {
        guard digits.count <= max(weight + 1, 0), weight < 5 else { throw .outOfRange }
        var value: Int64 = 0
        for position in 0...max(weight, 0) {
            let digit = position < digits.count ? digits[position] : 0
            let (scaled, tooLarge) = value.multipliedReportingOverflow(by: 10_000)
            let (sum, overflow) = scaled.subtractingReportingOverflow(digit)
            guard !tooLarge, !overflow else { throw .outOfRange }
            value = sum  // kept negative, where there is one more value
        }
        if isNegative { return value }
        guard value != .min else { throw .outOfRange }
        return -value
    }

    func double() throws(PostgresDecodingFailure) -> Double {
        // Through decimal text: multiplying powers of 10,000 would round at every step.
        var text = isNegative ? "-0" : "0"
        for digit in digits {
            text += String(String(digit + 10_000).dropFirst())
        }
        guard let value = Double(text + "e\((weight + 1 - digits.count) * 4)") else { throw .malformed }
        return value
    }
}
