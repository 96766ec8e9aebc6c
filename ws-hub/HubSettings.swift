import Access
import Bootstrap
import Postgres
import Redis

struct HubSettings: Sendable {
    var common: CommonSettings
    var database: DatabaseSettings
    var redis: RedisAddress
    var accessKeys: KeySet
    /// The file of the keys, to be reloaded; nil if they were given as a value.
    var accessKeysFile: String?
    var trustedProxies: TrustedProxies
    var limits = HubLimits()

    init(
        common: CommonSettings, database: DatabaseSettings, redis: RedisAddress, accessKeys: KeySet,
        accessKeysFile: String? = nil, trustedProxies: TrustedProxies, limits: HubLimits = HubLimits()
    ) {
        self.common = common
        self.database = database
        self.redis = redis
        self.accessKeys = accessKeys
        self.accessKeysFile = accessKeysFile
        self.trustedProxies = trustedProxies
        self.limits = limits
    }

    /// - Throws: ``SettingsError`` with every problem at once.
    init(_ reader: inout SettingsReader) throws {
        let common = CommonSettings.read(&reader)
        let database = reader.url("EM_DATABASE_URL") { try DatabaseSettings(url: $0) }
        let redis = reader.url("EM_REDIS_URL") { try RedisAddress(url: $0) }
        let keys = reader.value("EM_ACCESS_TOKEN_PUBLIC_KEYS") { try KeySet(json: $0) }
        let proxies = reader.value("EM_TRUSTED_PROXIES", default: TrustedProxies.loopback) { try TrustedProxies($0) }
        let sockets = reader.int("EM_WS_SOCKETS", default: 50_000, in: 1...1_000_000)
        let perAddress = reader.int("EM_WS_SOCKETS_PER_ADDRESS", default: 256, in: 1...1_000_000)
        let perUser = reader.int("EM_WS_SOCKETS_PER_USER", default: 30, in: 1...1_000_000)
        let drain = reader.seconds("EM_WS_DRAIN", default: .seconds(5))
        try reader.finish()
        var limits = HubLimits()
        limits.sockets = sockets.value
        limits.socketsPerAddress = perAddress.value
        limits.socketsPerUser = perUser.value
        limits.areRatesLimited = common.value.rateLimits
        limits.drainSpread = drain.value
        self.init(
            common: common.value, database: database.value, redis: redis.value, accessKeys: keys.value,
            accessKeysFile: reader.file("EM_ACCESS_TOKEN_PUBLIC_KEYS"), trustedProxies: proxies.value, limits: limits)
        self.database.queryTimeout = .seconds(3)
        self.database.maximumTransactions = 1
        self.database.applicationName = Build.signature(of: "ws-hub")
    }
}
