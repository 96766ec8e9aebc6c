import Glibc
import Synchronization

/// A mail server of a thread that refuses one step and takes all before it, one connection after the other.
final class RefusingServer: Sendable {
    let port: Int
    private let listener: Int32
    private let heard: Mutex<[String]>

    /// What was said to it.
    var commands: [String] { heard.withLock { $0 } }

    /// - Parameter step: greeting, hello, authentication, sender, recipient, data or text.
    init(at step: String, with reply: String) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 8) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard bound else { throw MailServer.Failure.start }
        port = Int(UInt16(bigEndian: address.sin_port))
        heard = Mutex([])
        var thread = pthread_t()
        let server = Unmanaged.passRetained(Conversation(listener, step, reply) { [weak self] in self?.note($0) })
        let status = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Conversation>.fromOpaque(argument!).takeRetainedValue().serve()
                return nil
            }, server.toOpaque())
        guard status == 0 else { throw MailServer.Failure.start }
        pthread_detach(thread)
    }

    // Its thread closes it: closed here, its number could be the next server's while the thread still waits on it.
    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    private func note(_ line: String) { heard.withLock { $0.append(line) } }

    private final class Conversation: Sendable {
        private let listener: Int32
        private let step: String
        private let reply: String
        private let note: @Sendable (String) -> Void

        init(_ listener: Int32, _ step: String, _ reply: String, note: @escaping @Sendable (String) -> Void) {
            (self.listener, self.step, self.reply, self.note) = (listener, step, reply, note)
        }

        func serve() {
            while true {
                let client = accept(listener, nil, nil)
                if client < 0 { break }
                talk(client)
                close(client)
            }
            close(listener)
        }

        private func talk(_ client: Int32) {
            func say(_ text: String) { _ = send(client, text + "\r\n", text.utf8.count + 2, Int32(MSG_NOSIGNAL)) }
            say(step == "greeting" ? reply : "220 ready")
            var isText = false
            while let line = Self.line(client) {
                if isText {
                    if line != "." { continue }
                    isText = false
                    say(step == "text" ? reply : "250 taken")
                    continue
                }
                note(line)
                let (name, usual) =
                    switch line.prefix(4) {
                    case "EHLO", "HELO": ("hello", "250-here\r\n250 AUTH PLAIN LOGIN")
                    case "AUTH": ("authentication", "235 welcome")
                    case "MAIL": ("sender", "250 ok")
                    case "RCPT": ("recipient", "250 ok")
                    case "DATA": ("data", "354 go on")
                    case "QUIT": ("", "221 bye")
                    default: ("", "500 what")
                    }
                say(name == step ? reply : usual)
                isText = line == "DATA" && step != "data"
            }
        }

        private static func line(_ client: Int32) -> String? {
            var bytes: [UInt8] = []
            var byte: UInt8 = 0
            while recv(client, &byte, 1, 0) == 1 {
                if byte == 0x0A { return String(decoding: bytes, as: UTF8.self) }
                if byte != 0x0D { bytes.append(byte) }
            }
            return nil
        }
    }
}
