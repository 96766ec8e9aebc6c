/// The check of a password in an address.
///
/// A service refuses to start with one that is missing, short or a placeholder, unless `EM_DEMO=true`. The stacks of
/// `make up` and Compose generate random ones of 48 digits, so that they need no such exception.
enum SecretStrength {
    /// 16 characters out of 16 are 64 bits: not guessable over a network.
    private static let minimumLength = 16

    /// Words that manuals and templates use in place of a password.
    private static let placeholders = [
        "changeme", "change-me", "change_me", "placeholder", "password", "passwort", "secret", "example", "todo",
        "xxxx", "default", "insecure", "replace", "dummy",
    ]

    /// The objection to the password of an address such as `postgres://user:password@host/`; nil if there is none.
    static func complaint(about address: String, isRequired: Bool) -> String? {
        guard let password = password(in: address), !password.isEmpty else {
            // A client certificate authenticates as well as a password.
            return isRequired && !address.contains("sslcert=") ? "has no password" : nil
        }
        let plain = password.lowercased()
        if placeholders.contains(where: plain.contains) || Set(plain).count < 5 {
            return "has a password that looks like a placeholder"
        }
        return isRequired && password.count < minimumLength
            ? "has a password of fewer than \(minimumLength) characters" : nil
    }

    private static func password(in address: String) -> Substring? {
        guard let scheme = address.firstRange(of: "://"), let at = address.lastIndex(of: "@"), at >= scheme.upperBound,
            let colon = address[scheme.upperBound..<at].firstIndex(of: ":")
        else { return nil }
        return address[address.index(after: colon)..<at]
    }
}
