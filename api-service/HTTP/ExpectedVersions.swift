import Hummingbird

/// The versions in If-Match (RFC 9110 §13.1.1), which a writer has seen.
///
/// Each is `"7"`, or a whole tag with the version before the dot, `"7.x"`: a registration in the meantime changes the
/// tag, but is no reason to refuse an edit. Weak tags count too: a compressing proxy weakens them. `*` would be a blind
/// write: like anything that isn't a tag, it matches nothing.
struct ExpectedVersions {
    private var versions: Set<Int> = []

    /// Nil without the header.
    init?(_ request: Request) {
        guard let header = request.headers[.ifMatch] else { return nil }
        self.init(header)
    }

    init(_ header: String) {
        var rest = header[...]
        while true {
            rest = rest.drop { $0 == "," || $0 == " " || $0 == "\t" }
            guard !rest.isEmpty else { return }
            if rest.hasPrefix("W/") { rest = rest.dropFirst(2) }
            // A tag can contain commas.
            guard rest.first == "\"", let end = rest.dropFirst().firstIndex(of: "\"") else { return }
            if let version = Int(rest[rest.index(after: rest.startIndex)..<end].prefix { $0 != "." }) {
                versions.insert(version)
            }
            rest = rest[rest.index(after: end)...]
        }
    }

    func include(_ version: Int) -> Bool { versions.contains(version) }
}
