import CLinux
import Glibc

/// Runs `body` on a detached thread of its own, named `name` (at most 15 characters), with every signal blocked: signals are the main program's.
///
/// - Returns: false when the system refuses another thread.
func startThread(name: StaticString, _ body: @escaping @Sendable () -> Void) -> Bool {
    final class Box: Sendable {
        let name: StaticString
        let body: @Sendable () -> Void
        init(_ name: StaticString, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    defer { pthread_attr_destroy(&attributes) }
    // The new thread inherits this mask.
    var all = sigset_t()
    var previous = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &previous)
    defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
    // Retained here, released by the thread that takes it.
    let box = Unmanaged.passRetained(Box(name, body))
    var thread = pthread_t()
    let status = pthread_create(
        &thread, &attributes,
        { argument in
            guard let argument else { return nil }
            let box = Unmanaged<Box>.fromOpaque(argument).takeRetainedValue()
            linux_thread_name(UnsafeRawPointer(box.name.utf8Start).assumingMemoryBound(to: CChar.self))
            box.body()
            return nil
        }, box.toOpaque())
    guard status == 0 else {
        box.release()
        return false
    }
    return true
}
