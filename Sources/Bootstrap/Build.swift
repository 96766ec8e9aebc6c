import FoundationEssentials

/// The version and revision of this build.
public enum Build {
    /// The product's version, the same for all four services.
    public static let version = "0.1.0"

    /// The source revision, if the image or the start script sets `EM_REVISION`.
    public static var revision: String { ProcessInfo.processInfo.environment["EM_REVISION"] ?? "unknown" }

    /// A service's name for its connections: name, version, revision and process, separated by slashes and truncated to
    /// PostgreSQL's `application_name` (63 bytes).
    public static func signature(of service: String) -> String {
        let plain = revision.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
        return "\(service)/\(version)/\(String(plain.prefix(12)))/\(process)"
    }

    /// Distinguishes this process from others of its service, also on other machines.
    private static let process = String(UInt32.random(in: 0 ... .max), radix: 16)
}
