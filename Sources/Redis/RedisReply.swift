import CHiredis

/// One answer of Redis (RESP2).
public enum RedisReply: Sendable, Equatable {
    /// A short status such as `OK`.
    case status(String)
    case bytes([UInt8])
    case integer(Int64)
    case null
    case array([RedisReply])
    /// An error inside an array (as after `EXEC`). An error as the whole answer is thrown instead.
    case error(code: String)

    /// The text of a status or of bytes; nil for everything else.
    public var string: String? {
        switch self {
        case .status(let text): text
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        default: nil
        }
    }

    /// The number, or nil when this is none.
    public var integer: Int64? {
        if case .integer(let value) = self { value } else { nil }
    }

    /// Copies hiredis' tree; the caller frees it.
    init(copying raw: redisReply) {
        switch raw.type {
        case REDIS_REPLY_STATUS: self = .status(Self.text(raw))
        case REDIS_REPLY_ERROR:
            // Only the first word: the rest may repeat arguments of the command.
            self = .error(code: Self.text(raw).split(separator: " ").first.map(String.init) ?? "ERR")
        case REDIS_REPLY_INTEGER: self = .integer(raw.integer)
        case REDIS_REPLY_STRING: self = .bytes(Array(UnsafeRawBufferPointer(start: raw.str, count: raw.len)))
        case REDIS_REPLY_ARRAY:
            self = .array(
                (0..<raw.elements).map { index in
                    raw.element[index].map { RedisReply(copying: $0.pointee) } ?? .null
                })
        default: self = .null
        }
    }

    private static func text(_ raw: redisReply) -> String {
        String(decoding: UnsafeRawBufferPointer(start: raw.str, count: raw.len), as: UTF8.self)
    }
}
