import Access
import Crypto
import Domain
import FoundationEssentials
import NIOCore
import Persistence

/// What a gate takes along to work without the network: the event, the tickets' keys and every ticket's state, signed
/// with the key of the access tokens (a compact JWS, RFC 7515, as `/.well-known/jwks.json` verifies it).
struct CheckInManifest: Sendable {
    /// Tells a manifest's signature from an access token's (RFC 8725 §3.11).
    static let type = "em-manifest+jws"

    let body: ByteBuffer
    /// RFC 9110 §8.8.3, with its quotes.
    let tag: String

    private struct Head: Encodable {
        struct Key: Encodable {
            /// Eight hexadecimal digits: what tickets call the key by.
            var kid: String
            /// The raw Ed25519 key in base64url.
            var publicKey: String
        }

        var eventId: EventID
        var title: String
        var startsAt: Date
        var endsAt: Date
        var timeZone: String
        @Nullable var checkInOpensAt: Date?
        @Nullable var cancelledAt: Date?
        var generatedAt: Date
        var keys: [Key]
    }

    /// - Parameter stamp: of the state that `tickets` were read in, or of one before.
    init(
        of event: Event, _ tickets: [ManifestTicket], keys: KeySet, stamp: String, signedBy key: SigningKey, now: Date
    ) async throws {
        let head = Head(
            eventId: event.id, title: event.details.title, startsAt: event.details.startsAt,
            endsAt: event.details.endsAt, timeZone: event.details.timeZone,
            checkInOpensAt: event.details.checkInOpensAt, cancelledAt: event.cancelledAt, generatedAt: now,
            keys: keys.keys.map {
                Head.Key(
                    kid: TicketToken.hexadecimal($0.shortID), publicKey: Base64URL.encode($0.rawKey))
            })
        var payload = try WireJSON.encode(head)
        payload.reserveCapacity(payload.count + tickets.count * 120)
        payload.removeLast()  // the brace
        payload += #","tickets":["#.utf8
        for (number, ticket) in tickets.enumerated() {
            if number > 0 { payload.append(UInt8(ascii: ",")) }
            Self.append(ticket, of: event.id, to: &payload)
            // Twenty thousand of them: others get their turn.
            if number % 1000 == 999 { await Task.yield() }
        }
        payload += "]}".utf8
        body = ByteBuffer(bytes: try key.jws(type: Self.type, payload: payload))
        tag = "\"\(stamp)\""
    }

    /// `[id, issue, codeHash, name, state, firstScanAt, firstScanGate]`, by hand: a dozen times as fast as an encoder.
    private static func append(_ ticket: ManifestTicket, of event: EventID, to payload: inout [UInt8]) {
        payload += "[\"\(ticket.id)\",\(ticket.issue),\"\(hash(ofCode: ticket.code, of: event))\",".utf8
        append(text: ticket.holderName, to: &payload)
        payload += ",\"\(ticket.state.rawValue)\",".utf8
        payload += (ticket.firstScanAt.map { "\"\(Timestamp.text($0))\"" } ?? "null").utf8
        payload.append(UInt8(ascii: ","))
        if let gate = ticket.firstScanGate { append(text: gate, to: &payload) } else { payload += "null".utf8 }
        payload.append(UInt8(ascii: "]"))
    }

    /// What stands for a code: a gate that has one typed finds it, and whoever reads a lost list types none of them
    /// elsewhere. The first 16 bytes of SHA-512 over `event:code`, in hexadecimal digits.
    static func hash(ofCode code: String, of event: EventID) -> String {
        TicketToken.hexadecimal(Array(SHA512.hash(data: Array("\(event):\(code)".utf8)).prefix(16)))
    }

    /// RFC 8259 §7.
    private static func append(text: String, to payload: inout [UInt8]) {
        payload.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): payload += [UInt8(ascii: "\\"), byte]
            case 0..<0x20: payload += "\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8
            default: payload.append(byte)
            }
        }
        payload.append(UInt8(ascii: "\""))
    }
}

/// The manifests that were made last: the gates of an event ask at the same time, and again in vain.
///
/// Bounded in bytes; one is made at a time, since it costs a core some tenths of a second, and who waits for it finds it
/// made.
actor ManifestCache {
    private let maximumBytes: Int
    private var kept: [(event: EventID, manifest: CheckInManifest)] = []
    private var isMaking = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    /// Beyond it nobody waits: see ``APIProblem/unavailable(retryAfter:)``.
    private static let maximumWaiting = 64

    init(maximumBytes: Int = 16 << 20) { self.maximumBytes = maximumBytes }

    /// The manifest with this tag, made if it isn't kept.
    func manifest(
        of event: EventID, tag: String, make: @Sendable () async throws -> CheckInManifest
    ) async throws -> CheckInManifest {
        if let known = find(event, tag) { return known }
        guard waiting.count < Self.maximumWaiting else { throw APIProblem.unavailable() }
        if isMaking { await withCheckedContinuation { waiting.append($0) } } else { isMaking = true }
        // Whoever leaves hands the turn on.
        defer { if waiting.isEmpty { isMaking = false } else { waiting.removeFirst().resume() } }
        if let known = find(event, tag) { return known }
        let made = try await make()
        keep(made, of: event)
        return made
    }

    private func find(_ event: EventID, _ tag: String) -> CheckInManifest? {
        guard let index = kept.firstIndex(where: { $0.event == event && $0.manifest.tag == tag }) else { return nil }
        let entry = kept.remove(at: index)
        kept.append(entry)
        return entry.manifest
    }

    /// The one used longest ago goes first.
    private func keep(_ manifest: CheckInManifest, of event: EventID) {
        kept.removeAll { $0.event == event }
        kept.append((event, manifest))
        var bytes = kept.reduce(0) { $0 + $1.manifest.body.readableBytes }
        while bytes > maximumBytes, !kept.isEmpty { bytes -= kept.removeFirst().manifest.body.readableBytes }
    }
}
