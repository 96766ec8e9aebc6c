/// A language in which people are written to.
public enum Language: String, Codable, Sendable, CaseIterable {
    case english = "en"
    case german = "de"
}
