import CLinux
import ServiceLifecycle

/// Once a minute, gives back the pages of code and constants (the program's own and its libraries') that are mapped: those in
/// use come back at the next touch, without a read as long as the page cache has them; those that only the start or a busy
/// hour needed stay away.
///
/// The kernel maps sixteen pages of a file where one is touched, and takes none back before memory is short: a start leaves
/// some 25 MB mapped in each service, of which a quarter is touched again. Costs a few hundred minor faults a minute.
struct CodePages: Service {
    func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: .seconds(60))) != nil { Self.giveBack() }
        }
    }

    static func giveBack() { linux_release_file_pages() }
}
