import FoundationEssentials

#if canImport(Glibc)
import Glibc
#endif

extension PrometheusRegistry {
    /// Exposes the build, and the process's memory, CPU time, open files and start time, read from procfs at each
    /// scrape. Names follow Prometheus' client conventions.
    public func exposeProcess(service: String) {
        gauge(
            "em_build_info", "Always 1; the labels identify the build.",
            labels: [("service", service), ("version", Build.version), ("revision", Build.revision)]
        ) { 1 }
        gauge("process_resident_memory_bytes", "Resident memory size in bytes.") { ProcessReadings.residentBytes() }
        gauge("process_open_fds", "Open file descriptors.") { ProcessReadings.openDescriptors() }
        counter("process_cpu_seconds_total", "User and system CPU time.") { ProcessReadings.processorSeconds() }
        let start = Date().timeIntervalSince1970
        gauge("process_start_time_seconds", "Start time of the process, in seconds since 1970.") { start }
    }
}

/// proc(5), read at a scrape: short files that never block on a disk.
enum ProcessReadings {
    static func residentBytes() -> Double {
        let fields = words("/proc/self/statm")
        guard fields.count > 1, let pages = Double(fields[1]) else { return .nan }
        return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    }

    static func processorSeconds() -> Double {
        // The second field is the command in parentheses and can contain spaces: count from after it.
        guard let text = text("/proc/self/stat"), let end = text.lastIndex(of: ")") else { return .nan }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return .nan }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    static func openDescriptors() -> Double {
        do {
            return Double(try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count)
        } catch {
            return .nan
        }
    }

    private static func words(_ path: String) -> [Substring] { text(path)?.split(separator: " ") ?? [] }

    private static func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }
}
