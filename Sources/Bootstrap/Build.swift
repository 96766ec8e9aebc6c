import FoundationEssentials

/// What this build is.
public enum Build {
    /// The product's version; all four services carry the same.
    public static let version = "0.1.0"

    /// The revision it was built from, if the image or the start script says so in `EM_REVISION`.
    public static var revision: String { ProcessInfo.processInfo.environment["EM_REVISION"] ?? "unknown" }

    /// What a service calls itself where it connects: name, version, revision and process, parted by slashes and cut to what
    /// fits into PostgreSQL's `application_name` (63 bytes).
    public static func signature(of service: String) -> String {
        let plain = revision.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
        return "\(service)/\(version)/\(String(plain.prefix(12)))/\(process)"
    }

    /// Tells this process from others of its service, also on other machines.
    private static let process = String(UInt32.random(in: 0 ... .max), radix: 16)
}
