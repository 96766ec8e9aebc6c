/// The events that a subscription covers.
public enum SubscriptionScope: String, Codable, Sendable, CaseIterable {
    /// Those owned by the subscriber.
    case own
    /// Every event; for admins, and only while they are one.
    case all
}

/// How a subscription's messages are delivered.
public enum SubscriptionDelivery: String, Codable, Sendable, CaseIterable {
    case queue, webhook
}

public enum SubscriptionStatus: String, Codable, Sendable, CaseIterable {
    case active
    /// Paused by its owner, or because its receiver failed for too long.
    case paused
    /// Stopped until its owner activates it again.
    case disabled
}

/// The message types that a subscription selects: one (`em.ticket.issued`), a family (`em.ticket.*`) or all (`*`).
public struct MessagePattern: Hashable, Sendable, CustomStringConvertible {
    public enum Kind: Hashable, Sendable {
        case every
        /// Without the last segment: `em.ticket`.
        case family(String)
        case one(MessageType)
    }

    public let kind: Kind

    public static let every = MessagePattern(kind: .every)
    private static let families = Set(MessageType.allCases.map(\.family))

    private init(kind: Kind) { self.kind = kind }

    /// Nil for a pattern that no message can match.
    public init?(_ text: String) {
        if text == "*" {
            kind = .every
        } else if let type = MessageType(rawValue: text) {
            kind = .one(type)
        } else if text.hasSuffix(".*"), Self.families.contains(String(text.dropLast(2))) {
            kind = .family(String(text.dropLast(2)))
        } else {
            return nil
        }
    }

    public var description: String {
        switch kind {
        case .every: "*"
        case .family(let family): "\(family).*"
        case .one(let type): type.rawValue
        }
    }

    /// - Parameter type: can be one that this version doesn't know.
    public func matches(_ type: String) -> Bool {
        switch kind {
        case .every: true
        case .family(let family): MessageType.family(of: type) == family
        case .one(let one): one.rawValue == type
        }
    }
}

extension MessageType {
    /// The prefix shared by a family of types: `em.ticket` for `em.ticket.issued`.
    public var family: String { Self.family(of: rawValue) }

    public static func family(of type: String) -> String {
        type.lastIndex(of: ".").map { String(type[..<$0]) } ?? type
    }
}

/// Why a subscription is not active, unless its owner paused it. Stored and sent by its raw value, which is stable.
public enum SubscriptionStatusReason: String, Encodable, Sendable {
    /// It answered 410.
    case receiverGone = "receiver-gone"
    case nothingDelivered = "nothing-delivered"
    case accountLocked = "account-locked"
    /// It is about all events, and its owner is no administrator any more. Never stored: it ends with the role's return.
    case adminsOnly = "admins-only"

    /// - Parameter stored: a raw value, or the sentence that earlier releases stored in its place.
    public init?(stored: String) {
        switch stored {
        case "The receiver answered 410 Gone.": self = .receiverGone
        case _ where stored.hasPrefix("Nothing has arrived since "): self = .nothingDelivered
        default: self.init(rawValue: stored)
        }
    }
}
