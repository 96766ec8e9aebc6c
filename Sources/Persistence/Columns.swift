public import Domain
import FoundationEssentials
public import Postgres

// How the domain's values stand in columns: ids as uuid, enumerations as their raw text (every such column has a CHECK
// that names the values).

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

/// The condition that each word of what somebody typed stands in one of the columns; true where nothing was typed.
/// - Parameter columns: texts, separated by commas.
func hasWords(_ text: String?, in columns: SQL) -> SQL {
    let words = words(of: text ?? "")
    return words.isEmpty ? "true" : "has_words(concat_ws(' ', \(fragment: columns)), \(words))"
}

/// The same in the form that an index of letters (pg_trgm) serves.
/// - Parameter text: the expression that is indexed, already folded.
func hasLetters(_ words: String, in text: SQL) -> SQL {
    let conditions = Persistence.words(of: words).map { word -> SQL in
        "\(fragment: text) LIKE '%' || pattern_of(\(word)) || '%'"
    }
    return conditions.isEmpty ? "true" : conditions.joined(separator: " AND ")
}

/// More matches than that are too many to be looked at one by one; of so many, the next on the way along a list come soon.
let fewMatches = 1000

/// What is searched for: at most sixteen words.
func words(of text: String) -> [String] {
    text.split(whereSeparator: \.isWhitespace).prefix(16).map(String.init)
}
