import FoundationEssentials

/// What this build is.
public enum Build {
    /// The product's version; all four services carry the same.
    public static let version = "0.1.0"

    /// The revision it was built from, if the image or the start script says so in `EM_REVISION`.
    public static var revision: String { ProcessInfo.processInfo.environment["EM_REVISION"] ?? "unknown" }
}
