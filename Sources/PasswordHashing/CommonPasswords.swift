/// The ten thousand commonest passwords of eight characters or more: what anybody would try first.
///
/// From the frequency list of zxcvbn-python 4.5.0 (PyPI, MIT licence; counted by its authors over the "10 million
/// passwords" published by Mark Burnett in 2015), shorter ones left out, sorted.
public enum CommonPasswords {
    /// A password a line, in the order of their bytes: searched where it lies in the program, so that it costs neither
    /// time at the start nor memory.
    private static var list: [UInt8] { PackageResources.common_passwords_txt }
    private static let newline = UInt8(ascii: "\n")

    /// How many there are.
    public static var count: Int { list.count { $0 == newline } }

    /// Whether a password is one of them, in capital or small letters.
    public static func contains(_ password: String) -> Bool {
        let wanted = Array(password.lowercased().utf8)
        var rest = list[...]
        while !rest.isEmpty {
            let middle = rest.startIndex + rest.count / 2
            let start = rest[..<middle].lastIndex(of: newline).map { $0 + 1 } ?? rest.startIndex
            let end = rest[middle...].firstIndex(of: newline) ?? rest.endIndex
            let line = rest[start..<end]
            if line.elementsEqual(wanted) { return true }
            rest = wanted.lexicographicallyPrecedes(line) ? rest[..<start] : rest[end...].dropFirst()
        }
        return false
    }
}
