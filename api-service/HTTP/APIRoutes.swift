import Access
import Bootstrap
import FoundationEssentials
import Logging
import PasswordHashing
import Persistence

/// The route table of the whole HTTP API, by area; openapi.yaml lists the same routes (a test compares them).
struct APIRoutes: Sendable {
    let settings: APISettings
    let stores: Stores
    /// Nil if the relay runs elsewhere: routes that need the broker or Redis then report them as unreachable.
    let machinery: BackgroundServices?
    let batcher: RegistrationBatcher
    let printer: TicketPrinter
    let invariants: InvariantMonitor
    let passwords: PasswordHasher
    let issuer: AccessTokenIssuer
    let clock: @Sendable () -> Date
    let logger: Logger

    // Shared by several areas.
    let authorization: Authorization
    let keyring: TicketKeyring
    let openSession: OpenSession
    let verifiedEmail: RequireVerifiedEmail
    let signInGuard: SignInGuard
    let mailGuard: MailGuard
    let clients: ClientAddresses
    let recentSignIn: RecentSignIn
    let proveAddress: ProveAddress
    let accessLog: AccessLog

    init(
        _ settings: APISettings, stores: Stores, machinery: BackgroundServices? = nil, batcher: RegistrationBatcher,
        printer: TicketPrinter, invariants: InvariantMonitor, passwords: PasswordHasher, issuer: AccessTokenIssuer,
        throttle: Throttle,
        accessLog: AccessLog, clock: @escaping @Sendable () -> Date, logger: Logger
    ) {
        self.settings = settings
        self.stores = stores
        self.machinery = machinery
        self.batcher = batcher
        self.printer = printer
        self.invariants = invariants
        self.passwords = passwords
        self.issuer = issuer
        self.clock = clock
        self.logger = logger
        authorization = Authorization(stores: stores)
        keyring = TicketKeyring(stores.ticketKeys, given: settings.ticketKeys)
        openSession = OpenSession(stores: stores, issuer: issuer, accessLog: accessLog, clock: clock)
        verifiedEmail = RequireVerifiedEmail(stores: stores, isOn: settings.requiresVerifiedEmail)
        signInGuard = SignInGuard(throttle: throttle, accessLog: accessLog)
        mailGuard = MailGuard(throttle: throttle, accessLog: accessLog, isOn: settings.common.rateLimits)
        clients = ClientAddresses(proxies: settings.trustedProxies)
        recentSignIn = RecentSignIn(stores: stores, clock: clock)
        proveAddress = ProveAddress(stores: stores, clock: clock)
        self.accessLog = accessLog
    }

    var all: [Route] {
        accountRoutes + eventRoutes + registrationRoutes + ticketRoutes + mailRoutes + integrationRoutes
            + operationRoutes + documentRoutes
    }
}
