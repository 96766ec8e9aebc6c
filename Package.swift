// swift-tools-version: 6.2
import PackageDescription

/// Every target: Swift 6 mode (implied by the tools version), imports internal unless said otherwise, members only
/// from modules that the file imports, and no warning survives.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
    .treatAllWarnings(as: .error),
]

/// How release builds of the services are linked. lld writes relative relocations in the packed form, and symbols that no
/// library asks an executable for are left out of its dynamic table: both would otherwise be in memory, as much as 5 MB in
/// each service. Functions with the same code are one, where nobody compares their addresses.
let linking: [LinkerSetting] = [
    .unsafeFlags(
        [
            "-use-ld=lld", "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs", "-Xlinker", "--icf=safe", "-Xlinker",
            "--no-export-dynamic",
        ], .when(platforms: [.linux], configuration: .release))
]

// Third-party products, by the name the targets below use.
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let jwt: Target.Dependency = .product(name: "JWTKit", package: "jwt-kit")
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let mustache: Target.Dependency = .product(name: "Mustache", package: "swift-mustache")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioWebSocket: Target.Dependency = .product(name: "NIOWebSocket", package: "swift-nio")
let nioHTTPTypes: Target.Dependency = .product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypesHTTP1: Target.Dependency = .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")

let package = Package(
    name: "em-connect",
    products: [
        .executable(name: "api-service", targets: ["api-service"]),
        .executable(name: "notifications", targets: ["notifications"]),
        .executable(name: "ticket-worker", targets: ["ticket-worker"]),
        .executable(name: "ws-hub", targets: ["ws-hub"]),
    ],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", exact: "5.7.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", exact: "2.1.1"),
    ],
    targets: [
        // C libraries: module maps and static-inline shims, nothing else.
        .systemLibrary(name: "CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        // Without pkg-config: its flags for hiredis (-D_FILE_OFFSET_BITS=64, no news on 64 bits) make SwiftPM warn.
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CQREncode", pkgConfig: "libqrencode", providers: [.apt(["libqrencode-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CArgon2", pkgConfig: "libargon2", providers: [.apt(["libargon2-dev"])]),
        .systemLibrary(name: "CRabbitMQ", pkgConfig: "librabbitmq", providers: [.apt(["librabbitmq-dev"])]),
        .systemLibrary(
            name: "CPangoCairo", pkgConfig: "pangocairo", providers: [.apt(["libpango1.0-dev"])]),
        .systemLibrary(name: "CGLib", pkgConfig: "glib-2.0", providers: [.apt(["libglib2.0-dev"])]),
        .systemLibrary(name: "CIDN2", pkgConfig: "libidn2", providers: [.apt(["libidn2-dev"])]),
        .target(name: "CLinux"),
        .target(name: "CUnicodeText", dependencies: ["CGLib", "CIDN2"]),
        .target(name: "CTypesetting", dependencies: ["CPangoCairo"]),
        .target(name: "CAMQP", dependencies: ["CRabbitMQ"]),
        .target(
            name: "CRedisTLS", dependencies: ["CHiredis"],
            linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),

        // Kill points and mutants of fault tests; empty in release builds.
        .target(name: "FailPoints", swiftSettings: settings),

        // Wrappers: one C library each, no product words.
        .target(name: "Postgres", dependencies: ["CLibpq", "CLinux", logging], swiftSettings: settings),
        .target(name: "AMQP", dependencies: ["CAMQP", "CLinux", "FailPoints", logging], swiftSettings: settings),
        .target(name: "Redis", dependencies: ["CHiredis", "CRedisTLS", "CLinux", logging], swiftSettings: settings),
        .target(name: "QRCode", dependencies: ["CQREncode", "CZlib"], swiftSettings: settings),
        .target(name: "UnicodeText", dependencies: ["CUnicodeText"], swiftSettings: settings),
        .target(name: "Typesetting", dependencies: ["CTypesetting"], swiftSettings: settings),
        .target(name: "SMTP", dependencies: ["CCurl", logging], swiftSettings: settings),
        .target(name: "OutgoingHTTP", dependencies: ["CCurl", "CLinux", "Domain"], swiftSettings: settings),
        .target(
            name: "PasswordHashing", dependencies: ["CArgon2", "CLinux", "UnicodeText"],
            resources: [.embedInCode("common-passwords.txt")], swiftSettings: settings),

        // The product's shared floors.
        .target(name: "Domain", swiftSettings: settings),
        .target(
            name: "Persistence", dependencies: ["Domain", "FailPoints", "Postgres", crypto, logging],
            resources: [.embedInCode("Migrations")], swiftSettings: settings, plugins: ["ListMigrations"]),
        .plugin(name: "ListMigrations", capability: .buildTool()),
        .target(
            name: "Messaging",
            dependencies: [
                "Domain", "Persistence", "Postgres", "AMQP", "Redis", "FailPoints", crypto, logging, metrics, lifecycle,
            ],
            swiftSettings: settings),
        .target(name: "Access", dependencies: ["Domain", jwt, crypto], swiftSettings: settings),
        .target(name: "Webhooks", dependencies: ["Domain", crypto], swiftSettings: settings),
        .target(
            name: "Bootstrap",
            dependencies: [
                "CLinux", "Domain", "Postgres", deque, logging, metrics, lifecycle, unixSignals,
                hummingbird, hummingbirdCore, httpTypes, nioCore, nioHTTP1, nioHTTPTypes, nioHTTPTypesHTTP1, nioPosix,
            ],
            swiftSettings: settings),

        // The four services.
        .executableTarget(
            name: "api-service",
            dependencies: [
                "Access", "Bootstrap", "CZlib", "Domain", "Messaging", "PasswordHashing", "Persistence", "Postgres",
                "QRCode", "Redis", "AMQP", "Typesetting", "UnicodeText", "Webhooks",
                arguments, crypto, deque, hummingbird, httpTypes, jwt, lifecycle, logging, metrics,
                nioCore, nioPosix,
            ],
            path: "api-service", resources: [.embedInCode("openapi.yaml"), .embedInCode("asyncapi.yaml")],
            swiftSettings: settings, linkerSettings: linking),
        .executableTarget(
            name: "ticket-worker",
            dependencies: [
                "Access", "AMQP", "Bootstrap", "Domain", "Messaging", "Persistence", "Postgres", arguments,
                crypto, lifecycle, logging, metrics,
            ],
            path: "ticket-worker", swiftSettings: settings, linkerSettings: linking),
        .executableTarget(
            name: "notifications",
            dependencies: [
                "AMQP", "Bootstrap", "Domain", "Messaging", "Persistence", "Postgres", "QRCode", "FailPoints", "SMTP",
                "OutgoingHTTP", "Webhooks",
                arguments, lifecycle, logging, metrics, mustache,
            ],
            path: "notifications", resources: [.embedInCode("Templates/Emails")], swiftSettings: settings,
            linkerSettings: linking),
        .executableTarget(
            name: "ws-hub",
            dependencies: [
                "Access", "Bootstrap", "Domain", "Persistence", "Postgres", "Redis", arguments, hummingbird,
                hummingbirdCore, httpTypes, lifecycle, logging, metrics, nioCore, nioPosix, nioHTTP1, nioWebSocket,
                nioHTTPTypes,
                nioHTTPTypesHTTP1,
            ],
            path: "ws-hub", swiftSettings: settings, linkerSettings: linking),

        // Tests. Unit needs no server; Integration needs the servers that `make test` starts.
        .target(
            name: "TestSupport", dependencies: ["Postgres", "Persistence", "Domain", logging], path: "Tests/Support",
            swiftSettings: settings),
        .testTarget(
            name: "Unit",
            dependencies: [
                "Access", "Bootstrap", "Domain", "Messaging", "PasswordHashing", "Persistence", "Postgres", "QRCode",
                "SMTP", "AMQP", "OutgoingHTTP", "Typesetting", "UnicodeText", "Webhooks",
                "api-service", "notifications", "ticket-worker", "ws-hub", crypto, jwt, metrics, nioCore,
                httpTypes, hummingbird, lifecycle, logging,
            ],
            path: "Tests/Unit", swiftSettings: settings),
        .testTarget(
            name: "Integration",
            dependencies: [
                "TestSupport", "Access", "AMQP", "Bootstrap", "Domain", "Messaging", "Persistence", "Postgres", "Redis",
                "SMTP", "PasswordHashing", "OutgoingHTTP", "Webhooks",
                "QRCode",
                "api-service", "notifications", "ticket-worker", "ws-hub", crypto, logging, metrics, lifecycle,
            ],
            path: "Tests/Integration", swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
