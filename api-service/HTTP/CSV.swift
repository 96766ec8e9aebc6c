/// Tables for spreadsheets: RFC 4180, with a byte order mark so that they are read as UTF-8.
enum CSV {
    static func table(header: [String], _ rows: [[String]]) -> String {
        "\u{FEFF}" + self.rows([header] + rows)
    }

    static func rows(_ rows: [[String]]) -> String {
        rows.map { $0.map(field).joined(separator: ",") + "\r\n" }.joined()
    }

    /// Quoted where needed. A leading `=`, `+`, `-`, `@`, tab or return would make a spreadsheet run the field as a
    /// formula (OWASP, "CSV Injection"): an apostrophe in front keeps it a text.
    static func field(_ value: String) -> String {
        let risky = value.unicodeScalars.first.map { "=+-@\t\r\n".unicodeScalars.contains($0) } ?? false
        let safe = risky ? "'" + value : value
        let special = safe.utf8.contains { $0 == 0x2C || $0 == 0x22 || $0 == 0x0A || $0 == 0x0D }
        return special ? "\"" + safe.replacing("\"", with: "\"\"") + "\"" : safe
    }
}
