/// Whether the password in an address may be used in earnest.
///
/// A service refuses to start with one that is missing, short or a placeholder, unless `EM_DEMO=true` says that nothing
/// here matters. The stacks of `make up` and compose make random ones of 48 digits, so that they need no such exception.
enum SecretStrength {
    /// 16 characters out of 16 are 64 bits: nobody guesses that over a network.
    private static let minimumLength = 16

    /// Words that manuals and templates put where a password is to be.
    private static let placeholders = [
        "changeme", "change-me", "change_me", "placeholder", "password", "passwort", "secret", "example", "todo",
        "xxxx", "default", "insecure", "replace", "dummy",
    ]

    /// What stands against the password of an address such as `postgres://user:password@host/`; nil when nothing does.
    static func complaint(about address: String, isRequired: Bool) -> String? {
        guard let password = password(in: address), !password.isEmpty else {
            // A client certificate proves who we are as well as a password.
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
