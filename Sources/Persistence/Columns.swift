public import Domain
import FoundationEssentials
public import Postgres

// How the domain's values are stored: ids as uuid, enumerations as their raw text (every such column has a CHECK with
// the values).

extension Identifier: PostgresEncodable, PostgresDecodable, PostgresArrayElement {
    public static var postgresType: PostgresType { .uuid }
    public static var postgresArrayType: PostgresType { .uuidArray }
    public func encode(into buffer: inout [UInt8]) { uuid.encode(into: &buffer) }
    public static func decode(_ field: PostgresField) throws(PostgresDecodingFailure) -> Identifier {
        Identifier(try UUID.decode(field))
    }
}

extension Role: PostgresEncodable, PostgresDecodable, PostgresArrayElement {}
extension MembershipRole: PostgresEncodable, PostgresDecodable {}
extension EventStatus: PostgresEncodable, PostgresDecodable {}
extension RegistrationStatus: PostgresEncodable, PostgresDecodable, PostgresArrayElement {}
extension TicketStatus: PostgresEncodable, PostgresDecodable {}
extension CheckInResult: PostgresEncodable, PostgresDecodable, PostgresArrayElement {}
extension NotificationKind: PostgresEncodable, PostgresDecodable, PostgresArrayElement {}
extension NotificationStatus: PostgresEncodable, PostgresDecodable {}
extension NotificationTopic: PostgresEncodable, PostgresDecodable, PostgresArrayElement {}
extension Language: PostgresEncodable, PostgresDecodable {}
extension Audience: PostgresEncodable, PostgresDecodable {}
extension MailingStatus: PostgresEncodable, PostgresDecodable {}
extension SubscriptionScope: PostgresEncodable, PostgresDecodable {}
extension SubscribedQueue.Status: PostgresDecodable {}
extension SubscriptionDelivery: PostgresEncodable, PostgresDecodable {}
extension SubscriptionStatus: PostgresEncodable, PostgresDecodable {}
extension Destination: PostgresEncodable, PostgresDecodable, PostgresArrayElement {}

/// The condition that each word of a search is in one of the columns; true for an empty search.
/// - Parameter columns: texts, separated by commas.
func hasWords(_ text: String?, in columns: SQL) -> SQL {
    let words = words(of: text ?? "")
    return words.isEmpty ? "true" : "has_words(concat_ws(' ', \(fragment: columns)), \(words))"
}

/// The same in a form that a trigram index (pg_trgm) serves.
/// - Parameter text: the indexed expression, already folded.
func hasLetters(_ words: String, in text: SQL) -> SQL {
    let conditions = Persistence.words(of: words).map { word -> SQL in
        "\(fragment: text) LIKE '%' || pattern_of(\(word)) || '%'"
    }
    return conditions.isEmpty ? "true" : conditions.joined(separator: " AND ")
}

/// Above this number, matches are too many to check one by one; then the next in a list's order is found soon.
let fewMatches = 1000

/// The search terms: at most sixteen words.
func words(of text: String) -> [String] {
    text.split(whereSeparator: \.isWhitespace).prefix(16).map(String.init)
}
