import Domain
import PasswordHashing

extension BodyFields {
    /// A new password: 8 to 128 characters, not a common one, and not derived from the account.
    /// - Parameter words: the person's own.
    mutating func newPassword(_ name: String, of words: [String]) -> String {
        let mistakes = validation.errors.count
        let text = password(name)
        if validation.errors.count == mistakes { validation.refuseEasy(text, name, of: words) }
        return text
    }
}

extension Validation {
    /// Refuses common passwords, and the product's name, the person's name or email with only digits and punctuation
    /// around it (ASVS 5, 6.2.4 and 6.2.11).
    mutating func refuseEasy(_ password: String, _ field: String, of words: [String]) {
        if CommonPasswords.contains(password) {
            fail(field, .commonPassword)
            return
        }
        let locals = words.compactMap { word in word.split(separator: "@").first.map(String.init) }
        let easy = Set((words + locals + ["em-connect", "emconnect"]).map(Self.core)).subtracting([""])
        if easy.contains(Self.core(password)) {
            fail(field, .personalPassword)
        }
    }

    /// Letters only, in lower case.
    private static func core(_ text: String) -> String { text.lowercased().filter(\.isLetter) }
}
