/// What went wrong between this process and PostgreSQL.
///
/// Its description is safe to log: values never appear in it. The server's own message does only for the error classes
/// that talk about the schema or the server's state, not about data.
public struct PostgresError: Error, Sendable {
    public enum Kind: Sendable {
        /// The server refused the statement. The connection lives on.
        case server(ServerError)
        /// The connection broke while the request was under way.
        case connectionLost
        /// No answer in time: a statement, or the whole server.
        case timedOut
        /// No connection became free within the wait limit, or too many requests are waiting already.
        case poolExhausted
        /// No connection could be made: the reason, as libpq puts it.
        case unreachable(String)
        /// The calling task was cancelled.
        case cancelled
        /// A column could not be read as the Swift type asked for.
        case decoding(column: String, PostgresDecodingFailure)
        case invalidURL
        /// The `Database` was closed.
        case closed
    }

    /// What the server said, field by field (PostgreSQL manual, "Error and Notice Message Fields").
    public struct ServerError: Sendable {
        /// Five characters: PostgreSQL manual, Appendix A.
        public let sqlState: String
        public let message: String
        /// The violated constraint's name.
        public let constraint: String?
        /// May quote values: not for logs.
        public let detail: String?
        /// Whether a prepared statement is unknown to the server, or a migration has changed its result's type.
        let isStalePlan: Bool
    }

    public let kind: Kind
    /// Whether a commit was under way when the answer was lost: the change may or may not have happened.
    public let outcomeUnknown: Bool

    init(_ kind: Kind, outcomeUnknown: Bool = false) {
        self.kind = kind
        self.outcomeUnknown = outcomeUnknown
    }

    public var sqlState: String? {
        if case .server(let error) = kind { error.sqlState } else { nil }
    }

    public var constraint: String? {
        if case .server(let error) = kind { error.constraint } else { nil }
    }

    /// Whether the same work may well succeed when tried again. With `outcomeUnknown`, only idempotent work may be.
    public var isRetriable: Bool {
        switch kind {
        case .connectionLost, .timedOut, .poolExhausted, .unreachable: true
        case .cancelled, .decoding, .invalidURL, .closed: false
        case .server(let error): error.isRetriable
        }
    }
}

extension PostgresError.ServerError {
    var isRetriable: Bool {
        switch sqlState {
        case "40001", "40P01", "55P03": true  // serialization failure, deadlock, lock not available
        case "57P01", "57P02", "57P03", "57014": true  // shut down, crashed, starting up, statement cancelled
        default: isStalePlan || sqlState.hasPrefix("08") || sqlState.hasPrefix("53")  // connection, resources
        }
    }

    /// Whether the server ends the connection with this error.
    var endsConnection: Bool {
        ["57P01", "57P02", "57P03", "57P05", "25P03"].contains(sqlState)
    }

    /// Classes 22 (data), 23 (constraints), 44 (check options), P0 (raised by PL/pgSQL) can quote values.
    private var messageMayQuoteValues: Bool {
        ["22", "23", "44", "P0"].contains { sqlState.hasPrefix($0) }
    }
}

extension PostgresError.ServerError: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String {
        var text = "SQLSTATE \(sqlState)"
        if let constraint { text += ", constraint \(constraint)" }
        if !messageMayQuoteValues { text += ": \(message)" }
        return text
    }

    public var debugDescription: String { description }
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String {
        let text =
            switch kind {
            case .server(let error): "the database refused: \(error)"
            case .connectionLost: "the database connection was lost"
            case .timedOut: "the database did not answer in time"
            case .poolExhausted: "no database connection was free in time"
            case .unreachable(let reason): "the database can't be reached: \(reason)"
            case .cancelled: "the database request was cancelled"
            case .decoding(let column, let failure): "column \(column) can't be read: \(failure)"
            case .invalidURL: "the database URL is not valid"
            case .closed: "the database was closed"
            }
        return outcomeUnknown ? text + " (outcome unknown)" : text
    }

    public var debugDescription: String { description }
}
