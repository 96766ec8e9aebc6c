import Mustache

/// Template variables by name.
///
/// Mustache would reflect on a value again for every name in a template, which took more time than everything else
/// about an email; here that is done once.
final class NamedFacts: MustacheParent {
    private let values: [String: Any]

    /// - Parameter facts: a struct of strings, numbers, Booleans, and structs and arrays of these, optional or not.
    init(of facts: some Any) { values = Self.values(of: Mirror(reflecting: facts)) }

    private init(_ values: [String: Any]) { self.values = values }

    func with(_ name: String, _ value: String) -> NamedFacts {
        NamedFacts(values.merging([name: value]) { $1 })
    }

    func child(named name: String) -> Any? { values[name] }

    private static func values(of mirror: Mirror) -> [String: Any] {
        var values: [String: Any] = [:]
        for case (let name?, let value) in mirror.children { values[name] = named(value) }
        return values
    }

    /// Nil for nil.
    private static func named(_ value: Any) -> Any? {
        switch value {
        // Also matches optionals with a value.
        case let text as String: return text
        case let number as Int: return number
        case let flag as Bool: return flag
        case let list as [Any]: return list.compactMap(named)
        default: break
        }
        let mirror = Mirror(reflecting: value)
        guard mirror.displayStyle == .optional else { return NamedFacts(values(of: mirror)) }
        return mirror.children.first.flatMap { named($0.value) }
    }
}
