import FoundationEssentials
import Postgres
import Testing

/// Every Swift type goes to the server and comes back the same, for a seeded mass of values with the borders in front.
@Suite("Values round-trip") struct ValueRoundTripTests {
    /// SplitMix64 (Steele, Lea, Flood 2014): the same values at every run.
    struct SeededGenerator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    private func check<Value: PostgresCodable & PostgresArrayElement & Equatable>(
        _ values: [Value], on database: Database
    ) async throws {
        let rows = try await database.read("SELECT unnest(\(values)) AS value")
        #expect(try rows.map { try $0.decode("value", as: Value.self) } == values)
        let whole = try await database.read("SELECT \(values) AS value")
        #expect(try whole[0].decode("value", as: [Value].self) == values)
        for value in values.prefix(50) {
            let row = try await database.read("SELECT \(value) AS value, \(Value?.none) AS nothing")[0]
            #expect(try row.decode("value", as: Value.self) == value)
            #expect(try row.decode("nothing", as: Value?.self) == nil)
        }
    }

    private func text(_ generator: inout SeededGenerator) -> String {
        let alphabet = Array("aé'\"\\;$1{}NULL,\n\t 日本🙂%_")
        return String(
            (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator)!
            })
    }

    @Test("integers, booleans and doubles") func numbers() async throws {
        try await TestDatabase.with { database in
            var random = SeededGenerator(state: 1)
            try await check(
                [.min, .max, 0, -1] + (0..<500).map { _ in Int.random(in: .min ... .max, using: &random) }, on: database
            )
            try await check(
                [.min, .max, 0, -1] + (0..<500).map { _ in Int32.random(in: .min ... .max, using: &random) },
                on: database)
            try await check(
                [.min, .max, 0, -1] + (0..<500).map { _ in Int16.random(in: .min ... .max, using: &random) },
                on: database)
            try await check([Int64.min, .max], on: database)
            try await check([true, false], on: database)
            let doubles = (0..<500).map { _ in Double(bitPattern: random.next()) }.filter(\.isFinite)
            try await check([0, -0.0, .infinity, .leastNonzeroMagnitude, .pi] + doubles, on: database)
            try await check([Int?.none, 5, nil, .max].map { $0 ?? -7 }, on: database)
        }
    }

    @Test("text, bytes, JSON and UUIDs") func bytes() async throws {
        try await TestDatabase.with { database in
            var random = SeededGenerator(state: 2)
            let texts = ["", "'; DROP TABLE events; --", "NULL", "{}"] + (0..<300).map { _ in text(&random) }
            try await check(texts, on: database)
            try await check((0..<300).map { _ in UUID() }, on: database)
            for length in [0, 1, 255, 70_000] {
                let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
                let row = try await database.read("SELECT \(bytes) AS value, length(\(bytes)) AS length")[0]
                #expect(try row.decode("value", as: [UInt8].self) == bytes)
                #expect(try row.decode("length", as: Int.self) == length)
            }
            let json = JSONText(#"{"a": [1, "é\"", null]}"#)
            let row = try await database.read("SELECT \(json) AS value, \(json) -> 'a' ->> 1 AS inner")[0]
            #expect(try row.decode("value", as: JSONText.self) == json)
            #expect(try row.decode("inner", as: String.self) == "é\"")
        }
    }

    @Test("times are exact to the microsecond, as the server reads them") func times() async throws {
        try await TestDatabase.with { database in
            var random = SeededGenerator(state: 3)
            // From 1900 to 2100, in microseconds since 1970.
            let microseconds =
                [0, 1, -1, 951_826_153_000_001, 1_795_000_000_999_999]
                + (0..<2000).map { _ in Int.random(in: -2_208_988_800_000_000...4_102_444_800_000_000, using: &random) }
            let rows = try await database.read(
                """
                SELECT 'epoch'::timestamptz + us * interval '1 microsecond' AS at
                FROM unnest(\(microseconds)) WITH ORDINALITY AS u (us, n) ORDER BY n
                """)
            let dates = try rows.map { try $0.decode("at", as: Date.self) }
            let back = try await database.read(
                """
                SELECT (extract(epoch FROM at) * 1000000)::bigint AS us
                FROM unnest(\(dates)) WITH ORDINALITY AS u (at, n) ORDER BY n
                """)
            #expect(try back.map { try $0.decode("us", as: Int.self) } == microseconds)
            try await check(dates, on: database)
            let known = try await database.read("SELECT timestamptz '2026-11-22 13:00:00.25+01' AS at")
            #expect(try known[0].decode("at", as: Date.self) == Date(timeIntervalSince1970: 1_795_348_800.25))
        }
    }

    @Test("arrays hold NULLs and can be empty") func arrays() async throws {
        try await TestDatabase.with { database in
            let row = try await database.read(
                "SELECT \([Int?.some(1), nil, 3]) AS a, \([String]()) AS b, \([String?.none]) AS c, ARRAY[1,2]::int4[] AS d"
            )[0]
            #expect(try row.decode("a", as: [Int?].self) == [1, nil, 3])
            #expect(try row.decode("b", as: [String].self) == [])
            #expect(try row.decode("c", as: [String?].self) == [nil])
            #expect(try row.decode("d", as: [Int].self) == [1, 2])
        }
    }

    @Test("sums, averages and counts can be read as numbers") func numerics() async throws {
        try await TestDatabase.with { database in
            let row = try await database.read(
                """
                SELECT count(*) AS count, sum(n) AS sum, avg(n) AS average, 0::numeric AS zero,
                    -9223372036854775808::numeric AS least, 10000::numeric AS round, -0.0012::numeric AS small,
                    123456789.000123::numeric AS mixed, 1.5::numeric AS fraction
                FROM generate_series(1::bigint, 100000) n
                """)[0]
            #expect(try row.decode("count", as: Int.self) == 100_000)
            #expect(try row.decode("sum", as: Int.self) == 5_000_050_000)
            #expect(try row.decode("average", as: Double.self) == 50000.5)
            #expect(try row.decode("zero", as: Int.self) == 0)
            #expect(try row.decode("least", as: Int.self) == .min)
            #expect(try row.decode("round", as: Int.self) == 10_000)
            #expect(try row.decode("small", as: Double.self) == -0.0012)
            #expect(try row.decode("mixed", as: Double.self) == 123456789.000123)
            #expect(throws: PostgresError.self) { try row.decode("fraction", as: Int.self) }
        }
    }

    @Test("a column read as the wrong type is an error that names it") func mismatches() async throws {
        try await TestDatabase.with { database in
            let row = try await database.read("SELECT 1::bigint AS n, NULL::text AS t, 70000 AS big")[0]
            #expect(throws: PostgresError.self) { try row.decode("n", as: String.self) }
            #expect(throws: PostgresError.self) { try row.decode("t", as: String.self) }
            #expect(throws: PostgresError.self) { try row.decode("big", as: Int16.self) }
            #expect(throws: PostgresError.self) { try row.decode("missing", as: Int.self) }
        }
    }
}
