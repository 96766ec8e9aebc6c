@testable import Bootstrap
import Domain
import FoundationEssentials
import Logging
import Testing

@Suite("Log lines")
struct LogLineTests {
    private struct Line: Decodable {
        var level: String
        var time: String
        var service: String
        var message: String
        var count: Int?
        var text: String?
        var level_: String?
        var list: [String]?
    }

    private func line(_ message: String, _ metadata: Logger.Metadata) throws -> (Line, [UInt8]) {
        let handler = JSONLinesLogHandler(
            service: "svc", label: "svc", level: .trace, provider: nil, output: LogOutput(descriptor: 2))
        let event = LogEvent(
            level: .warning, message: "\(message)", metadata: metadata, source: nil, file: #file, function: #function,
            line: #line)
        let bytes = handler.line(event, at: Date(timeIntervalSince1970: 1_800_000_000.25))
        return (try JSONDecoder().decode(Line.self, from: Data(bytes.dropLast())), bytes)
    }

    @Test("a line is one JSON object with the facts as fields")
    func fields() throws {
        let (line, bytes) = try line(
            "it \"broke\"\n\u{1}", ["count": .stringConvertible(3), "text": "a\\b\t", "list": ["x", "y"]])
        #expect(line.level == "warning")
        #expect(line.time == "2027-01-15T08:00:00.250Z")
        #expect(line.service == "svc")
        #expect(line.message == "it \"broke\"\n\u{1}")
        #expect(line.count == 3)
        #expect(line.text == "a\\b\t")
        #expect(line.list == ["x", "y"])
        #expect(bytes.filter { $0 == UInt8(ascii: "\n") }.count == 1)
        #expect(bytes.last == UInt8(ascii: "\n"))
    }

    @Test("metadata can't pass itself off as the line's own fields")
    func reserved() throws {
        let (line, _) = try line("m", ["level": "info"])
        #expect(line.level == "warning")
        #expect(line.level_ == "info")
    }
}
