import Testing

@testable import Postgres

@Suite struct PostgresErrorTests {
    private func server(_ sqlState: String, _ message: String) -> PostgresError {
        PostgresError(
            .server(
                .init(
                    sqlState: sqlState, message: message, constraint: "users_email_key",
                    detail: "Key (email)=(secret@example.com) already exists.",
                    isStalePlan: false)))
    }

    @Test("a description names the constraint and never quotes a value")
    func noValues() {
        for state in ["22P02", "23505", "P0001"] {
            let error = server(state, "invalid: secret@example.com")
            for text in ["\(error)", String(reflecting: error), "\(error.kind)", String(describing: [error])] {
                #expect(!text.contains("secret"))
                #expect(text.contains(state))
                #expect(text.contains("users_email_key"))
            }
        }
        #expect("\(server("42P01", "relation \"x\" does not exist"))".contains("does not exist"))
    }

    @Test(
        "conflicts, lost connections and full servers are retriable, refused data is not",
        arguments: [
            ("40001", true), ("40P01", true), ("53300", true), ("08006", true), ("57P03", true), ("23505", false),
            ("42601", false), ("22P02", false),
        ])
    func retriable(sqlState: String, expected: Bool) {
        #expect(server(sqlState, "m").isRetriable == expected)
    }

    @Test("an invalid URL is refused without being quoted", arguments: ["", "http://x", "postgres://u:secret%zz@h/d"])
    func invalidURL(url: String) {
        do {
            _ = try DatabaseSettings(url: url)
            Issue.record("accepted")
        } catch {
            #expect(!"\(error)".contains("secret"))
        }
    }
}
