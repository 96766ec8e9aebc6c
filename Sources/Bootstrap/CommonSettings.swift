public import Logging

/// The settings of every service.
public struct CommonSettings: Sendable {
    /// The listen address, also of health and metrics.
    public var host: String
    /// The port; 0 lets the system choose (tests).
    public var port: Int
    /// The public origin of the product.
    public var publicURL: PublicURL
    public var logLevel: Logger.Level
    /// `EM_RATE_LIMIT=off` lifts request-rate limits for load tests.
    public var rateLimits: Bool
    /// How long the listener stays open after readiness turned 503, so that load balancers notice.
    public var drainDelay: Duration
    /// The maximum duration of draining before the rest is canceled.
    public var maximumDrain: Duration
    /// The OpenTelemetry collector (OTLP over HTTP) for every span; nil for none.
    var otlpEndpoint: CollectorRequest.Endpoint?

    /// The settings while they are still being read; `value` after the reader's `finish()`.
    public struct Reading: Sendable {
        let host: Setting<String>
        let port: Setting<Int>
        public let publicURL: Setting<PublicURL>
        let logLevel: Setting<Logger.Level>
        let rateLimits: Setting<Bool>
        let drainDelay: Setting<Duration>
        let maximumDrain: Setting<Duration>
        let otlpEndpoint: Setting<CollectorRequest.Endpoint?>

        /// Valid once `finish()` has not thrown.
        public var value: CommonSettings {
            CommonSettings(
                host: host.value, port: port.value, publicURL: publicURL.value, logLevel: logLevel.value,
                rateLimits: rateLimits.value, drainDelay: drainDelay.value, maximumDrain: maximumDrain.value,
                otlpEndpoint: otlpEndpoint.value)
        }
    }

    /// Reads EM_HTTP_HOST, EM_HTTP_PORT, EM_PUBLIC_URL, EM_LOG_LEVEL, EM_RATE_LIMIT, EM_DRAIN_DELAY, EM_MAXIMUM_DRAIN,
    /// EM_OTLP_ENDPOINT.
    public static func read(_ reader: inout SettingsReader) -> Reading {
        Reading(
            host: reader.string("EM_HTTP_HOST", default: "127.0.0.1"),
            port: reader.int("EM_HTTP_PORT", in: 0...65_535),
            publicURL: reader.value("EM_PUBLIC_URL", parse: PublicURL.init),
            logLevel: reader.logLevel("EM_LOG_LEVEL", default: .info),
            rateLimits: reader.bool("EM_RATE_LIMIT", default: true),
            drainDelay: reader.seconds("EM_DRAIN_DELAY", default: .zero),
            maximumDrain: reader.seconds("EM_MAXIMUM_DRAIN", default: .seconds(25)),
            otlpEndpoint: reader.optional("EM_OTLP_ENDPOINT", parse: CollectorRequest.Endpoint.init))
    }
}
