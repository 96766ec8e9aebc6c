import FoundationEssentials
public import Logging

/// Every problem of the environment, reported together before anything connects.
public struct SettingsError: Error, Sendable, CustomStringConvertible {
    /// One line per problem; names the variable and never shows a value.
    public let problems: [String]

    public var description: String {
        "The settings are not usable:\n" + problems.map { "  - \($0)" }.joined(separator: "\n")
    }
}

/// A value that a ``SettingsReader`` has read; valid once ``SettingsReader/finish()`` has not thrown.
public struct Setting<Value> {
    let name: String
    let stored: Value?

    /// The value, unless it was refused: for checks between several settings.
    public var ifUsable: Value? { stored }

    /// The value. Reading it although `finish()` threw, or before it was called, is a programming error.
    public var value: Value {
        guard let stored else { preconditionFailure("\(name) read although the settings were refused") }
        return stored
    }
}

extension Setting: Sendable where Value: Sendable {}

/// The reader of a service's settings from environment variables, once, at startup.
///
/// Every variable `NAME` can be given as `NAME_FILE` instead: the path of a file with the value (secrets mounted by an
/// orchestrator); a trailing line break is dropped. An empty variable counts as absent. Problems are collected, so that
/// an operator sees all of them at once: read everything, call ``finish()``, then take the values.
public struct SettingsReader {
    private let environment: [String: String]
    private var problems: [String] = []
    private var seen: [(name: String, shown: String)] = []

    /// Reads the process's own environment.
    public init() {
        self.init(environment: ProcessInfo.processInfo.environment)
    }

    /// Reads a given environment (tests).
    public init(environment: [String: String]) { self.environment = environment }

    /// Reads a value through `parse`; absent without a default is a problem, and so is whatever `parse` throws.
    /// - Parameters:
    ///   - secret: the value is never shown in ``summary``; URLs should be read with ``url(_:parse:)``.
    public mutating func value<Value>(
        _ name: String, default fallback: Value? = nil, secret: Bool = false, parse: (String) throws -> Value
    ) -> Setting<Value> {
        guard let text = text(name) else {
            if fallback == nil && !problems.contains(where: { $0.hasPrefix(name) }) {
                problems.append("\(name) is not set (nor \(name)_FILE)")
            }
            seen.append((name, fallback.map { secret ? "(default)" : "\($0)" } ?? "(missing)"))
            return Setting(name: name, stored: fallback)
        }
        seen.append((name, secret ? "(set)" : text))
        return Setting(name: name, stored: parsed(name, text, parse))
    }

    public mutating func optional<Value>(
        _ name: String, secret: Bool = false, parse: (String) throws -> Value
    ) -> Setting<Value?> {
        guard let text = text(name) else { return Setting(name: name, stored: .some(nil)) }
        seen.append((name, secret ? "(set)" : text))
        return Setting(name: name, stored: parsed(name, text, parse).map { .some($0) } ?? .some(nil))
    }

    /// The path in `NAME_FILE`, if the value comes from a file, for reloading it.
    public func file(_ name: String) -> String? {
        given(name) == nil ? given("\(name)_FILE") : nil
    }

    /// Reads an address that can contain a user's password; only its parts after the `@` are ever shown. Outside the
    /// demo (`EM_DEMO=true`) a missing, short or placeholder password is a problem.
    /// - Parameter needsPassword: false for servers that work without one.
    public mutating func url<Value>(
        _ name: String, needsPassword: Bool = true, parse: (String) throws -> Value
    ) -> Setting<Value> {
        let setting = value(name, secret: true, parse: parse)
        guard let text = text(name) else { return setting }
        if let last = seen.indices.last, seen[last].name == name { seen[last].shown = withoutUserInfo(text) }
        if setting.stored != nil, !isDemo,
            let complaint = SecretStrength.complaint(about: text, isRequired: needsPassword)
        {
            problems.append("\(name) \(complaint); EM_DEMO=true lets that pass where nothing matters")
        }
        return setting
    }

    /// Whether nothing matters here: `EM_DEMO=true`.
    public var isDemo: Bool { environment["EM_DEMO"] == "true" }

    /// Reads a text, as it is.
    public mutating func string(_ name: String, default fallback: String? = nil) -> Setting<String> {
        value(name, default: fallback) { $0 }
    }

    /// Reads an integer within `range`.
    public mutating func int(
        _ name: String, default fallback: Int? = nil, in range: ClosedRange<Int> = .min ... .max
    ) -> Setting<Int> {
        value(name, default: fallback) { text in
            guard let number = Int(text), range.contains(number) else {
                throw Problem("must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
    }

    /// Reads `true`/`false` (also `1`/`0`, `yes`/`no`, `on`/`off`).
    public mutating func bool(_ name: String, default fallback: Bool? = nil) -> Setting<Bool> {
        value(name, default: fallback) { text in
            switch text.lowercased() {
            case "true", "1", "yes", "on": return true
            case "false", "0", "no", "off": return false
            default: throw Problem("must be true or false")
            }
        }
    }

    /// Reads a number of seconds, with optional decimals.
    public mutating func seconds(_ name: String, default fallback: Duration? = nil) -> Setting<Duration> {
        value(name, default: fallback) { text in
            guard let number = Double(text), number.isFinite, number >= 0, number <= 86_400 else {
                throw Problem("must be a number of seconds from 0 to 86400")
            }
            return .milliseconds(Int64(number * 1000))
        }
    }

    /// Reads a log level: trace, debug, info, notice, warning, error or critical.
    public mutating func logLevel(_ name: String, default fallback: Logger.Level) -> Setting<Logger.Level> {
        value(name, default: fallback) { text in
            guard let level = Logger.Level(rawValue: text.lowercased()) else {
                throw Problem("must be one of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return level
        }
    }

    /// Adds a problem that only shows between several settings.
    public mutating func refuse(_ problem: String) {
        problems.append(problem)
    }

    /// Finishes reading.
    /// - Throws: one error that lists every problem.
    public func finish() throws(SettingsError) {
        guard problems.isEmpty else { throw SettingsError(problems: problems) }
    }

    /// The values by name, for a log line at startup; secrets are withheld.
    public var summary: Logger.Metadata {
        Dictionary(seen.map { ($0.name, .string($0.shown)) }, uniquingKeysWith: { _, last in last })
    }

    private mutating func parsed<Value>(_ name: String, _ text: String, _ parse: (String) throws -> Value) -> Value? {
        do {
            return try parse(text)
        } catch let problem as Problem {
            problems.append("\(name) \(problem.text)")
        } catch {
            problems.append("\(name) is not usable: \(error)")
        }
        return nil
    }

    /// A variable of the environment, unless it is empty.
    private func given(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

    private mutating func text(_ name: String) -> String? {
        if let direct = given(name) { return direct }
        guard let path = given("\(name)_FILE") else { return nil }
        guard let bytes = FileManager.default.contents(atPath: path) else {
            problems.append("\(name)_FILE names a file that cannot be read")
            return nil
        }
        guard var text = String(validating: bytes, as: UTF8.self) else {
            problems.append("\(name)_FILE names a file that is not UTF-8 text")
            return nil
        }
        while text.last?.isNewline == true { text.removeLast() }
        if text.isEmpty {
            problems.append("\(name)_FILE names an empty file")
            return nil
        }
        return text
    }

    private func withoutUserInfo(_ text: String) -> String {
        guard let at = text.lastIndex(of: "@"), let scheme = text.firstRange(of: "://") else { return text }
        return at > scheme.upperBound ? text[..<scheme.upperBound] + "…" + text[at...] : text
    }
}

/// A parser's objection to a value; the reader prefixes the variable's name.
public struct Problem: Error, Sendable, CustomStringConvertible {
    public let text: String

    /// - Parameter text: continues "NAME …", for example "must be a port number"; must not contain the value.
    public init(_ text: String) { self.text = text }

    public var description: String { text }
}
