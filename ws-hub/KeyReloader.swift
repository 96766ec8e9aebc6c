import Access
import Bootstrap
import Logging
import ServiceLifecycle

/// A service that reloads the file of public keys, so that key rotation (`api-service keys rotate`) needs no restart.
struct KeyReloader: Service, CustomStringConvertible {
    let file: String?
    let verifier: AccessTokenVerifier
    let logger: Logger

    var description: String { "KeyReloader" }

    func run() async throws {
        guard let file else {
            do { try await gracefulShutdown() } catch {}  // canceled: nothing to do either
            return
        }
        await cancelWhenGracefulShutdown {
            while true {
                do { try await Task.sleep(for: FollowedFile.interval) } catch { return }
                do {
                    if let text = await FollowedFile(file).text() { try await verifier.follow(KeySet(json: text)) }
                } catch {
                    // An invalid file changes nothing: it may be half-written, or a mistake.
                    logger.warning("changed access token keys rejected", metadata: ["error": "\(error)"])
                }
            }
        }
    }
}
