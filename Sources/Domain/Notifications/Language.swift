/// A language of emails and notifications.
public enum Language: String, Codable, Sendable, CaseIterable {
    case english = "en"
    case german = "de"
}
