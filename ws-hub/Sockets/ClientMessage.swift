import Domain
import FoundationEssentials
import NIOCore

enum ClientMessage: Equatable {
    case authenticate(token: String)
    case subscribe(topic: String)
    case unsubscribe(topic: String)

    /// Why a text is not a client frame: the `code` of the error frame.
    struct Refusal: Error, Equatable {
        let code: String
        let message: String
    }

    init(_ text: String) throws(Refusal) {
        struct Wire: Decodable {
            var type: String
            var topic: String?
            var token: String?
        }
        let wire: Wire
        do {
            wire = try WireJSON.decode(Wire.self, from: Array(text.utf8))
        } catch {
            throw Refusal(code: "malformed-message", message: "A message is a JSON object with a type.")
        }
        switch (wire.type, wire.topic, wire.token) {
        case ("authenticate", _, let token?): self = .authenticate(token: token)
        case ("subscribe", let topic?, _): self = .subscribe(topic: topic)
        case ("unsubscribe", let topic?, _): self = .unsubscribe(topic: topic)
        case ("authenticate", _, _): throw Refusal(code: "malformed-message", message: "The token is missing.")
        case ("subscribe", _, _), ("unsubscribe", _, _):
            throw Refusal(code: "malformed-message", message: "The topic is missing.")
        default: throw Refusal(code: "unknown-type", message: "There is no such message type.")
        }
    }
}

/// A topic as a client names it; `me` is resolved only once the person is known.
enum TopicName: Equatable {
    case event(EventID)
    case me
    case organizer(EventID)

    init?(_ text: String) {
        if text == "me" {
            self = .me
            return
        }
        let parts = text.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, let id = EventID(parts[1]) else { return nil }
        switch parts[0] {
        case "event": self = .event(id)
        case "organizer": self = .organizer(id)
        default: return nil
        }
    }
}

/// The frames created by the hub itself; live updates arrive complete through Redis.
enum ServerMessage {
    static func authenticated(until expiry: Date) -> ByteBuffer {
        frame(Wire(type: "authenticated", expiresAt: expiry))
    }

    static func subscribed(
        _ topic: Topic, _ places: Places?, _ lastAnnouncement: AnnouncementID?
    ) -> ByteBuffer {
        var wire = Wire(type: "subscribed", topic: topic.description, snapshot: places)
        wire.lastAnnouncement = lastAnnouncement
        return frame(wire)
    }

    static func stale(_ topic: Topic) -> ByteBuffer { frame(Wire(type: "stale", topic: topic.description)) }

    static func fresh(_ topic: Topic) -> ByteBuffer { frame(Wire(type: "fresh", topic: topic.description)) }

    static func error(_ code: String, _ message: String, topic: String? = nil) -> ByteBuffer {
        frame(Wire(type: "error", topic: topic, code: code, message: message))
    }

    private struct Wire: Encodable {
        var type: String
        var topic: String?
        var snapshot: Places?
        var lastAnnouncement: AnnouncementID?
        var expiresAt: Date?
        var code: String?
        var message: String?
    }

    private static func frame(_ wire: Wire) -> ByteBuffer {
        do {
            return Frames.text(try WireJSON.encode(wire))
        } catch {
            // Strings and numbers only, which JSON can always represent.
            preconditionFailure("a server message could not be encoded")
        }
    }
}
