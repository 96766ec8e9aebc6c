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
extension SubscribedQueue.Standing: PostgresDecodable {}
extension SubscriptionDelivery: PostgresEncodable, PostgresDecodable {}
extension SubscriptionStatus: PostgresEncodable, PostgresDecodable {}
extension Destination: PostgresEncodable, PostgresDecodable, PostgresArrayElement {}

/// What somebody typed, as a pattern for ILIKE: their % and _ mean themselves.
func containsPattern(_ text: String) -> String {
    var pattern = "%"
    for character in text {
        if character == "%" || character == "_" || character == "\\" { pattern.append("\\") }
        pattern.append(character)
    }
    return pattern + "%"
}
