import Domain
import FoundationEssentials
import Testing

@Suite("On the wire")
struct WireTests {
    @Test(
        "times are read with any offset and fraction, and written in UTC with milliseconds",
        arguments: [
            ("2026-05-01T18:00:00Z", "2026-05-01T18:00:00.000Z"),
            ("2026-05-01T18:00:00.123Z", "2026-05-01T18:00:00.123Z"),
            ("2026-05-01T18:00:00+02:00", "2026-05-01T16:00:00.000Z"),
            ("2026-05-01T18:00:00.5-07:00", "2026-05-02T01:00:00.500Z"), ("2026-05-01 18:00:00Z", nil),
            ("2026-05-01", nil), ("yesterday at six o'clock", nil), ("", nil),
            ("2028-02-29T00:00:00Z", "2028-02-29T00:00:00.000Z"), ("2027-02-29T00:00:00Z", nil),
            ("2026-04-31T00:00:00Z", nil), ("2026-13-01T00:00:00Z", nil), ("2026-05-00T00:00:00Z", nil),
            ("2026-05-01T24:00:00Z", nil), ("2026-05-01T18:60:00Z", nil), ("2026-05-01T18:00:60Z", nil),
            ("2026-05-01T18:00:00Z and more", nil), ("2026-05-01T18:00:00+24:00", nil),
            ("2026-05-01T18:00:00.Z", nil), ("2026-05-01T18:00:00-0000", nil), ("2026-05-01t18:00:00z", nil),
        ])
    func timestamps(text: String, written: String?) {
        #expect(Timestamp.parse(text).map(Timestamp.text) == written)
    }

    @Test("times before 1970 keep their milliseconds")
    func earlyTime() {
        #expect(Timestamp.text(Date(timeIntervalSince1970: -0.25)) == "1969-12-31T23:59:59.750Z")
    }

    @Test("a registration's data leaves out the position of who has none", arguments: [nil, 12])
    func registrationData(position: Int?) throws {
        let data = RegistrationData(
            eventId: EventID(), registrationId: RegistrationID(), userId: UserID(), status: .waitlisted,
            position: position, places: Places(revision: 7, confirmed: -3, waitlisted: 0, capacity: 900_000))
        let expected =
            #"{"capacity":900000,"confirmed":-3,"eventId":"\#(data.eventId)","#
            + (position.map { #""position":\#($0),"# } ?? "") + #""registrationId":"\#(data.registrationId)","#
            + #""revision":7,"status":"waitlisted","userId":"\#(data.userId)","waitlisted":0}"#
        let encoded = try WireJSON.encode(data)
        #expect(String(decoding: encoded, as: UTF8.self) == expected)
        #expect(try WireJSON.decode(RegistrationData.self, from: encoded) == data)
    }

    @Test("a time is written as Foundation writes it, all over the centuries")
    func timesOfCenturies() {
        for day in stride(from: -141_000, to: 2_900_000, by: 997) {
            let time = Date(timeIntervalSince1970: Double(day) * 86_400 + Double(day & 0xFFFF))
            #expect(Timestamp.text(time).dropLast(5) == time.formatted(.iso8601).dropLast())
        }
    }

    @Test("a CloudEvent comes back as it was written")
    func cloudEvent() throws {
        let data = PlacesData(
            eventId: EventID(), places: Places(revision: 7, confirmed: 3, waitlisted: 0, capacity: 9))
        let event = CloudEvent(
            id: MessageID(), type: MessageType.eventPublished.rawValue, subject: data.eventId.description,
            time: Date(timeIntervalSince1970: 1_800_000_000.125), sequence: 4,
            traceparent: TraceContext().traceparent, data: try WireJSON.encode(data))
        let read = try CloudEvent(decoding: event.encoded())
        #expect(read == event)
        #expect(try read.payload(PlacesData.self) == data)
        let text = String(decoding: try event.encoded(), as: UTF8.self)
        #expect(
            text.hasPrefix(
                #"{"datacontenttype":"application/json","id":"\#(event.id)","sequence":"4","source":"/em-connect","#))
        #expect(
            text.hasSuffix(#""type":"em.event.published","data":"# + String(decoding: event.data, as: UTF8.self) + "}"))
    }

    @Test("what a CloudEvent says is written as JSON says it, whatever characters there are")
    func escapedCloudEvent() throws {
        let event = CloudEvent(
            id: MessageID(), type: "a\"b\\c\n\u{1}ü/🎟", subject: nil, time: Date(timeIntervalSince1970: 1_800_000_000),
            sequence: nil, traceparent: nil, data: Array("{}".utf8))
        let bytes = try event.encoded()
        #expect(try CloudEvent(decoding: bytes) == event)
        #expect(
            String(decoding: bytes, as: UTF8.self) == """
                {"datacontenttype":"application/json","id":"\(event.id)","source":"/em-connect","specversion":"1.0",\
                "time":"2027-01-15T08:00:00.000Z","type":"a\\"b\\\\c\\n\\u0001ü/🎟","data":{}}
                """)
    }

    @Test("a newer minor version and unknown members are accepted, another major version is not")
    func versions() throws {
        func document(_ version: String) -> [UInt8] {
            Array(
                """
                {"specversion":"\(version)","id":"01a20370-7944-7770-916c-c36990888e02","source":"/x","type":"t",
                 "time":"2026-05-01T18:00:00Z","data":{"a":[1,2.5,"x",null,true]},"new":{"x":1}}
                """.utf8)
        }
        #expect(try CloudEvent(decoding: document("1.1")).type == "t")
        #expect(throws: CloudEventError.self) { try CloudEvent(decoding: document("2.0")) }
        #expect(throws: (any Error).self) { try CloudEvent(decoding: Array("{}".utf8)) }
        #expect(throws: (any Error).self) { try CloudEvent(decoding: Array("nonsense".utf8)) }
    }

    @Test(
        "the data of a CloudEvent is taken out as it is, wherever and however it is written",
        arguments: [
            (#"{"data":{"a":"}\"]"},"x":1,"#, #"{"a":"}\"]"}"#),
            (#"{ "x" : [1, {"data":2}] , "data" :[ {}, [] ] , "#, "[ {}, [] ]"), (#"{"data":-1.5e3,"#, "-1.5e3"),
            (#"{"data" : "a\\" ,"#, #""a\\""#), (#"{"data": null ,"#, "null"), (#"{"d\u0061ta":true,"#, "true"),
            (#"{"data":{},"#, "{}"),
        ])
    func dataMember(beginning: String, data: String) throws {
        let rest = #""specversion":"1.0","id":"01a20370-7944-7770-916c-c36990888e02","source":"/x","type":"t","#
        let text = beginning + rest + #""time":"2026-05-01T18:00:00Z"}"#
        let event = try CloudEvent(decoding: Array(text.utf8))
        #expect(String(decoding: event.data, as: UTF8.self) == data)
        #expect(event.time == Timestamp.parse("2026-05-01T18:00:00Z"))
        #expect(throws: (any Error).self) {
            try CloudEvent(decoding: Array((#"{"# + rest + #""time":"2026-05-01T18:00:00Z"}"#).utf8))
        }
    }

    @Test("ids are version 7 UUIDs in the order of time, lower-case outside")
    func ids() throws {
        let ids = (0..<1000).map { _ in EventID() }
        #expect(Set(ids).count == 1000)
        for id in ids {
            let text = Array(id.description)
            #expect(text[14] == "7")
            #expect("89ab".contains(text[19]))
            #expect(EventID(id.description.uppercased()) == id)
        }
        let times = ids.map { $0.description.prefix(13) }
        #expect(times == times.sorted())
        for bad in ["", "x", "01a20370-7944-7770-916c-c36990888e0", "01a20370779447770-916c-c36990888e02x"] {
            #expect(EventID(bad) == nil)
        }
    }

    @Test(
        "a traceparent is read by the specification's rules",
        arguments: [
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra", false),
            ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false), ("", false), ("garbage", false),
        ])
    func traceparent(text: String, isValid: Bool) {
        #expect((TraceContext(traceparent: text) != nil) == isValid)
    }

    @Test("a new trace and its child share the trace's id")
    func childTrace() throws {
        let trace = TraceContext()
        #expect(TraceContext(traceparent: trace.traceparent) == trace)
        #expect(trace.child().traceID == trace.traceID)
        #expect(trace.child().spanID != trace.spanID)
    }
}

@Suite("Fields of people")
struct PersonFieldTests {
    @Test(
        "addresses",
        arguments: [
            ("ada@example.com", true), ("a.b+c@sub.example.co.uk", true), (" Ada@Example.COM ", true), ("", false),
            ("ada", false), ("ada@", false), ("@example.com", false), ("ada@localhost", false),
            ("ada@@example.com", false), ("a da@example.com", false), ("ada@example..com", false),
            (".ada@example.com", false), ("ada@-example.com", false), ("ada@example.com\nBcc: x@y.z", false),
            (String(repeating: "a", count: 65) + "@example.com", false),
        ])
    func email(address: String, isValid: Bool) {
        var validation = Validation()
        let normalized = validation.email("email", address)
        #expect(validation.errors.isEmpty == isValid)
        if isValid { #expect(normalized == address.lowercased().filter { $0 != " " }) }
    }

    @Test("passwords have 8 to 128 characters, of any kind")
    func password() {
        for (password, isValid) in [
            ("1234567", false), ("12345678", true), (String(repeating: "ü", count: 128), true),
            (String(repeating: "x", count: 129), false), ("correct horse battery staple", true),
            ("nul\0nul\0nul", false),
        ] {
            var validation = Validation()
            _ = validation.password("password", password)
            #expect(validation.errors.isEmpty == isValid, "\(password)")
        }
    }
}
