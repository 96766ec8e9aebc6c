import Access
import Bootstrap
import Logging
import ServiceLifecycle

/// Follows the file of the public keys, so that a change of keys needs no restart (`api-service keys rotate`).
struct KeyReloader: Service, CustomStringConvertible {
    let file: String?
    let verifier: AccessTokenVerifier
    let logger: Logger

    var description: String { "KeyReloader" }

    func run() async throws {
        guard let file else {
            do { try await gracefulShutdown() } catch {}  // cancelled: nothing to do either
            return
        }
        await cancelWhenGracefulShutdown {
            while true {
                do { try await Task.sleep(for: FollowedFile.interval) } catch { return }
                do {
                    if let text = await FollowedFile(file).text() { try await verifier.follow(KeySet(json: text)) }
                } catch {
                    // What can't be used changes nothing: a file that is being written, or a mistake.
                    logger.warning("changed access token keys rejected", metadata: ["error": "\(error)"])
                }
            }
        }
    }
}
