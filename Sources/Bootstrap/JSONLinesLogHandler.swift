import Domain
import FoundationEssentials
public import Logging
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Sends every log line of this process, as JSON, to standard error. Call it once, before the first logger.
/// - Parameters:
///   - service: the `service` field of every line.
///   - level: lines below it are not written.
public func bootstrapLogging(service: String, level: Logger.Level) {
    let output = LogOutput(descriptor: 2)
    let trace = Logger.MetadataProvider {
        guard let context = TraceContext.current else { return [:] }
        return ["trace_id": .string(context.traceID)]
    }
    LoggingSystem.bootstrap(
        { label, provider in
            JSONLinesLogHandler(service: service, label: label, level: level, provider: provider, output: output)
        }, metadataProvider: trace)
}

/// Writes whole lines to a file descriptor, one at a time: lines of two threads never mix, however long they are.
final class LogOutput: Sendable {
    private let descriptor: Int32
    private let lock = Mutex(())

    init(descriptor: Int32) { self.descriptor = descriptor }

    func write(_ line: [UInt8]) {
        lock.withLock { _ in
            var rest = line[...]
            while !rest.isEmpty {
                let written = rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
                // A log that can't be written can't be reported; only an interruption is retried.
                if written < 0 && errno != EINTR { return }
                if written > 0 { rest = rest.dropFirst(written) }
            }
        }
    }
}

/// One JSON object per line: level, time, service, message, trace_id, and every metadata key as its own field.
struct JSONLinesLogHandler: LogHandler {
    let service: String
    let label: String
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    let output: LogOutput

    init(
        service: String, label: String, level: Logger.Level, provider: Logger.MetadataProvider?, output: LogOutput
    ) {
        self.service = service
        self.label = label
        logLevel = level
        metadataProvider = provider
        self.output = output
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        output.write(line(event, at: Date()))
    }

    /// The finished line with its line break.
    func line(_ event: LogEvent, at time: Date) -> [UInt8] {
        var object = JSONObjectWriter()
        object.add("level", event.level.rawValue)
        object.add("time", Timestamp.text(time))
        object.add("service", service)
        if label != service { object.add("logger", label) }
        object.add("message", event.message.description)
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { _, new in new } }
        if let given = event.metadata { fields.merge(given) { _, new in new } }
        if let error = event.error { fields["error"] = .string("\(error)") }
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            object.add(JSONLinesLogHandler.reserved.contains(key) ? key + "_" : key, value)
        }
        return object.finished()
    }

    private static let reserved: Set<String> = ["level", "time", "service", "logger", "message"]
}

/// A minimal JSON writer for log lines, without an encoder's overhead.
struct JSONObjectWriter {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]

    mutating func add(_ key: String, _ value: String) {
        next(key)
        append(quoted: value)
    }

    mutating func add(_ key: String, _ value: Logger.MetadataValue) {
        next(key)
        append(value)
    }

    func finished() -> [UInt8] { bytes + [UInt8(ascii: "}"), UInt8(ascii: "\n")] }

    private mutating func next(_ key: String) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        append(quoted: key)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func append(_ value: Logger.MetadataValue) {
        switch value {
        case .string(let text): append(quoted: text)
        case .stringConvertible(let number as any BinaryInteger): bytes.append(contentsOf: "\(number)".utf8)
        case .stringConvertible(let flag as Bool): bytes.append(contentsOf: "\(flag)".utf8)
        case .stringConvertible(let number as Double) where number.isFinite:
            bytes.append(contentsOf: "\(number)".utf8)
        case .stringConvertible(let other): append(quoted: other.description)
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                append(value)
            }
            bytes.append(UInt8(ascii: "]"))
        case .dictionary(let fields):
            bytes.append(UInt8(ascii: "{"))
            for (index, field) in fields.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                append(quoted: field.key)
                bytes.append(UInt8(ascii: ":"))
                append(field.value)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private mutating func append(quoted text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(contentsOf: [UInt8(ascii: "\\"), byte])
            case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                bytes.append(contentsOf: ("\\u00" + (digits.count == 1 ? "0" : "") + digits).utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
