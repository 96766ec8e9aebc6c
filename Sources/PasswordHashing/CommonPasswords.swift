/// The ten thousand commonest passwords of eight characters or more: what anybody would try first.
///
/// From the frequency list of zxcvbn-python 4.5.0 (PyPI, MIT licence; counted by its authors over the "10 million
/// passwords" published by Mark Burnett in 2015), shorter ones left out, sorted.
public enum CommonPasswords {
    private static let list: Set<String> = {
        let text = String(decoding: PackageResources.common_passwords_txt, as: UTF8.self)
        return Set(text.split(separator: "\n").map(String.init))
    }()

    /// How many there are.
    public static var count: Int { list.count }

    /// Whether a password is one of them, in capital or small letters.
    public static func contains(_ password: String) -> Bool { list.contains(password.lowercased()) }
}
