import ArgumentParser
import Bootstrap
import Domain
import FoundationEssentials
import Logging
import PasswordHashing
import Persistence
import Postgres

#if canImport(Glibc)
import Glibc
#endif

/// The environment of the subcommands other than `serve`: a database and a logger, closed at the end.
func withDatabase<Result: Sendable>(
    _ variable: String, queryTimeout: Duration? = nil, _ body: (Database, Logger) async throws -> Result
) async throws -> Result {
    var reader = SettingsReader()
    let setting = APISettings.databaseSettings(variable, &reader)
    let level = reader.logLevel("EM_LOG_LEVEL", default: .info)
    try reader.finish()
    bootstrapLogging(service: "api-service", level: level.value)
    let logger = Logger(label: "api-service")
    var settings = setting.value
    if let queryTimeout { settings.queryTimeout = queryTimeout }
    let database = Database(settings, logger: logger)
    do {
        let result = try await body(database, logger)
        await database.close()
        return result
    } catch {
        await database.close()
        throw error
    }
}

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Apply pending migrations. Uses EM_MIGRATION_DATABASE_URL, with the owner's role.")

    func run() async throws {
        let count = try await withDatabase("EM_MIGRATION_DATABASE_URL") { database, logger in
            try await Migrator(database: database, logger: logger).run()
        }
        print(count == 0 ? "The schema is up to date." : "Migrations applied: \(count).")
    }
}

struct CreateAdmin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Create an administrator.",
        discussion: """
            The password comes from EM_ADMIN_PASSWORD (or EM_ADMIN_PASSWORD_FILE), from a prompt on a terminal, or from \
            the first line of standard input; never from the command line, where every process could read it.

            Prints a sign-in link, valid once within an hour, in case email does not work yet.
            """)

    @Option(help: "The email to sign in with.") var email: String
    @Option(help: "The display name.") var name: String = "Administrator"
    @Flag(help: "Give the role to an existing account; its password is unchanged.") var promote = false

    func run() async throws {
        var validation = Validation()
        let address = validation.email("email", email)
        let displayName = validation.text("name", name, 1...100)
        let password = promote ? nil : validation.password("password", try Self.readPassword())
        if let password { validation.refuseEasy(password, "password", of: [address, displayName]) }
        guard validation.errors.isEmpty else {
            throw ValidationError(
                validation.errors.map { "\($0.field) \($0.violation.message)" }.joined(separator: "\n"))
        }
        var reader = SettingsReader()
        let site = reader.optional("EM_PUBLIC_URL", parse: PublicURL.init)
        try reader.finish()
        let command = AppointAdmin(passwords: PasswordHasher())
        let token: SecretToken
        do {
            token = try await withDatabase("EM_DATABASE_URL") { database, _ in
                try await command.perform(
                    address, password: password, displayName: displayName, stores: Stores(database))
            }
        } catch DomainError.emailTaken {
            throw ValidationError("An account with this email already exists; use --promote to give it the role.")
        } catch DomainError.notFound {
            throw ValidationError("No account has this email; omit --promote to create one.")
        }
        print(promote ? "\(address) is an administrator now." : "The administrator \(address) was made.")
        let path = "/sign-in-link#token=\(token.text)"
        print("This link signs in once, within an hour: \(site.value?.link(path) ?? path)")
    }

    private static func readPassword() throws -> String {
        var reader = SettingsReader()
        let given = reader.optional("EM_ADMIN_PASSWORD", secret: true) { $0 }
        try reader.finish()
        if let password = given.value { return password }
        guard isatty(0) == 1 else { return readLine(strippingNewline: true) ?? "" }
        // getpass(3) turns the terminal's echo off and on. One prompt, before anything else runs.
        guard let typed = unsafe getpass("Password: ") else { return "" }
        return unsafe String(cString: typed)
    }
}

struct SeedDemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seed-demo",
        abstract:
            "Create missing demo accounts and events. Never in production: the passwords are public."
    )

    func run() async throws {
        let seeded = try await withDatabase("EM_DATABASE_URL") { database, _ in
            try await SeedDemo(stores: Stores(database), passwords: PasswordHasher()) { Date() }.perform()
        }
        print("Demo accounts made: \(seeded.accounts), events made: \(seeded.events).")
    }
}
