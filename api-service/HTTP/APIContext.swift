import Access
import Domain
import Hummingbird
import NIOCore

/// What a request carries besides its own parts.
struct APIContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Who asks; nil when nobody is signed in, or when the route doesn't look at credentials.
    var principal: Principal?
    /// Who opened the connection: the proxy, where there is one.
    let peer: SocketAddress?
    /// How many bytes the route takes in a body: ``Route/bodyLimit``.
    var bodyLimit = Route.usualBodyLimit

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        peer = source.channel.remoteAddress
    }

    /// A signed-in person; routes that need one say so in the route table, so this fails for nobody else.
    /// - Throws: ``DomainError/notAuthenticated``.
    func signedIn() throws -> Principal {
        guard let principal else { throw DomainError.notAuthenticated }
        return principal
    }

    /// An id in the path. What isn't a UUID can't be the id of anything: 404.
    func id<Subject>(_ name: String = "id", of subject: Subject.Type = Subject.self) throws -> Identifier<Subject> {
        guard let text = parameters.get(name), let id = Identifier<Subject>(text) else { throw DomainError.notFound }
        return id
    }
}
