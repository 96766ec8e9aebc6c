import FoundationEssentials

/// The real servers that `make test` starts for the tests, by the addresses it puts into the environment.
public enum Servers {
    public static var database: String { address("EM_DATABASE_URL") }
    public static var databaseOwner: String { address("EM_MIGRATION_DATABASE_URL") }
    public static var broker: String { address("EM_AMQP_URL") }
    public static var redis: String { address("EM_REDIS_URL") }

    private static func address(_ name: String) -> String {
        guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else {
            preconditionFailure("\(name) is not set: run the tests by `make test`, or source .local-test/env")
        }
        return value
    }
}
