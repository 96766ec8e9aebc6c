/// CSV for spreadsheets: RFC 4180, with a byte order mark so that it is read as UTF-8.
enum CSV {
    static func table(header: [String], _ rows: [[String]]) -> String {
        "\u{FEFF}" + self.rows([header] + rows)
    }

    static func rows(_ rows: [[String]]) -> String {
        rows.map { $0.map(field).joined(separator: ",") + "\r\n" }.joined()
    }

    /// Quotes a field if needed. A field that a spreadsheet would run as a formula (OWASP, "CSV Injection") is prefixed
    /// with an apostrophe: one that starts with a formula character, full-width included, also after blanks and
    /// invisible characters, which programs drop first; or with a tab or return. The pages' import removes the
    /// apostrophe again.
    static func field(_ value: String) -> String {
        let safe = beginsFormula(value) ? "'" + value : value
        let special = safe.utf8.contains { $0 == 0x2C || $0 == 0x22 || $0 == 0x0A || $0 == 0x0D }
        return special ? "\"" + safe.replacing("\"", with: "\"\"") + "\"" : safe
    }

    private static func beginsFormula(_ value: String) -> Bool {
        if let first = value.unicodeScalars.first, "\t\r\n".unicodeScalars.contains(first) { return true }
        let seen = value.unicodeScalars.first { !isPassedOver($0) }
        return seen.map { "=+-@＝＋－＠﹦﹢﹣﹫".unicodeScalars.contains($0) } ?? false
    }

    /// Blanks, controls and zero-width characters.
    private static func isPassedOver(_ scalar: Unicode.Scalar) -> Bool {
        let properties = scalar.properties
        if properties.isWhitespace || properties.isDefaultIgnorableCodePoint { return true }
        switch properties.generalCategory {
        case .control, .format, .spaceSeparator, .lineSeparator, .paragraphSeparator: return true
        default: return false
        }
    }
}
