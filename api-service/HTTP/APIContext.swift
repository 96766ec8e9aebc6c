import Access
import Domain
import Hummingbird
import NIOCore

struct APIContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The authenticated caller; nil if no one is signed in, or if the route ignores credentials.
    var principal: Principal?
    /// The peer of the connection: the proxy, if there is one.
    let peer: SocketAddress?
    /// The maximum body size of the route: ``Route/bodyLimit``.
    var bodyLimit = Route.usualBodyLimit

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        peer = source.channel.remoteAddress
    }

    /// The signed-in caller; routes that need one say so in the route table, so this fails for no one else.
    /// - Throws: ``DomainError/notAuthenticated``.
    func signedIn() throws -> Principal {
        guard let principal else { throw DomainError.notAuthenticated }
        return principal
    }

    /// An id in the path. Anything but a UUID can't be an id: 404.
    func id<Subject>(_ name: String = "id", of subject: Subject.Type = Subject.self) throws -> Identifier<Subject> {
        guard let text = parameters.get(name), let id = Identifier<Subject>(text) else { throw DomainError.notFound }
        return id
    }
}
