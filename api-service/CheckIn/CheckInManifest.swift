import Access
import Crypto
import Domain
import FoundationEssentials
import NIOCore
import NIOPosix
import Persistence

/// The manifest that a gate needs to work offline: the event, the ticket keys and every ticket's state, signed with the
/// access token key (a compact JWS, RFC 7515, verifiable by `/.well-known/jwks.json`).
struct CheckInManifest: Sendable {
    /// Distinguishes a manifest's signature from an access token's (RFC 8725 §3.11).
    static let type = "em-manifest+jws"

    let version: ManifestVersion
    let document: CompressedDocument

    /// Reads and signs all tickets of an event, page by page.
    /// - Parameter version: of the state in which the tickets are read, or of an earlier one.
    static func make(
        of event: Event, _ version: ManifestVersion, from store: ManifestStore, keys: KeySet,
        signedBy key: SigningKey, now: Date
    ) async throws -> CheckInManifest {
        var document = JWSInput(type: type, for: key)
        document.reserve(payloadBytes: try await store.count(of: event.id) * 140 + 1024)
        let compressor = DocumentCompressor()
        document.append(try head(of: event, version, since: nil, keys: keys, now: now))
        var part = document.text
        let codePrefix = codePrefix(of: event.id)
        var page = try await store.tickets(of: event.id, after: nil, limit: pageSize)
        var isFirst = true
        while !page.isEmpty {
            // The next page is read, and the previous one compressed, while this one is written.
            let last = page.count == pageSize ? page.last?.id : nil
            async let next: [ManifestTicket] =
                if let last { store.tickets(of: event.id, after: last, limit: pageSize) } else { [] }
            async let compressed: Void = { [part] in await compressor.append(part) }()
            var lines: [UInt8] = []
            lines.reserveCapacity(page.count * 140)
            for ticket in page { append(ticket, codePrefix: codePrefix, to: &lines) }
            if isFirst { lines.removeFirst() }  // the comma
            isFirst = false
            await compressed
            part = document.append(lines)
            page = try await next
        }
        await compressor.append(part)
        await compressor.append(document.append("]}".utf8))
        let (input, rest) = (consume document).finished()
        await compressor.append(rest)
        // Two passes over many megabytes: some tenths of a second for a large event.
        let signature = try await NIOThreadPool.singleton.runIfActive { try key.jwsSignature(of: input) }
        await compressor.append(signature)
        return CheckInManifest(version: version, document: await compressor.finish())
    }

    /// The tickets that changed since a version: a document like the full manifest, with `since`.
    static func changes(
        of event: Event, _ version: ManifestVersion, since known: ManifestVersion, _ tickets: [ManifestTicket],
        keys: KeySet, signedBy key: SigningKey, now: Date
    ) throws -> ByteBuffer {
        var document = JWSInput(type: type, for: key)
        document.append(try head(of: event, version, since: known, keys: keys, now: now))
        var lines: [UInt8] = []
        let codePrefix = codePrefix(of: event.id)
        for ticket in tickets { append(ticket, codePrefix: codePrefix, to: &lines) }
        document.append(lines.dropFirst())
        document.append("]}".utf8)
        let (input, _) = document.finished()
        return ByteBuffer(bytes: input + (try key.jwsSignature(of: input)))
    }

    private static let pageSize = 1000

    private struct Head: Encodable {
        struct Key: Encodable {
            /// Eight hexadecimal digits: the key id in tickets.
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
        var version: String
        var since: String?
        var keys: [Key]
    }

    /// Everything before the first ticket line.
    private static func head(
        of event: Event, _ version: ManifestVersion, since known: ManifestVersion?, keys: KeySet, now: Date
    ) throws -> [UInt8] {
        let head = Head(
            eventId: event.id, title: event.details.title, startsAt: event.details.startsAt,
            endsAt: event.details.endsAt, timeZone: event.details.timeZone,
            checkInOpensAt: event.details.checkInOpensAt, cancelledAt: event.cancelledAt, generatedAt: now,
            version: version.text, since: known?.text,
            keys: keys.keys.map {
                Head.Key(
                    kid: Hexadecimal.encode($0.shortID), publicKey: Base64URL.encode($0.rawKey))
            })
        return try WireJSON.encode(head).dropLast() + #","tickets":["#.utf8  // without the brace
    }

    /// A comma and `[id, issue, codeHash, name, state, firstScanAt, firstScanGate]`, hand-written: a dozen times as
    /// fast as an encoder.
    private static func append(_ ticket: ManifestTicket, codePrefix: [UInt8], to payload: inout [UInt8]) {
        payload += ",[\"".utf8
        payload += ticket.id.description.utf8
        payload += "\",".utf8
        payload += String(ticket.issue).utf8
        payload += ",\"".utf8
        payload += Hexadecimal.encode(Array(SHA512.hash(data: codePrefix + ticket.code.utf8).prefix(16))).utf8
        payload += "\",".utf8
        append(text: ticket.holderName, to: &payload)
        payload += ",\"".utf8
        payload += ticket.state.rawValue.utf8
        payload += (ticket.firstScanAt.map { "\",\"\(Timestamp.text($0))\"," } ?? "\",null,").utf8
        if let gate = ticket.firstScanGate { append(text: gate, to: &payload) } else { payload += "null".utf8 }
        payload.append(UInt8(ascii: "]"))
    }

    /// The prefix of a code before hashing. The hash is the first 16 bytes of SHA-512 over `event:code`: a gate can
    /// find a typed code, and someone who reads a lost list can't type any.
    private static func codePrefix(of event: EventID) -> [UInt8] { Array("\(event):".utf8) }

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

/// A cache of the latest manifests, because the gates of an event ask at the same time.
///
/// Bounded in bytes; one is built at a time, because a large event costs a core some seconds, and those who wait get
/// the result.
actor ManifestCache {
    private let maximumBytes: Int
    private var kept: [(event: EventID, manifest: CheckInManifest)] = []
    private var isMaking = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    /// Beyond this number no one waits: see ``APIProblem/unavailable(retryAfter:)``.
    private static let maximumWaiting = 64

    init(maximumBytes: Int = 32 << 20) { self.maximumBytes = maximumBytes }

    /// The cached manifest of an event if it is recent enough, otherwise a new one.
    func manifest(
        of event: EventID, unless isOutdated: @Sendable (ManifestVersion) async throws -> Bool,
        make: @Sendable () async throws -> CheckInManifest
    ) async throws -> CheckInManifest {
        if let known = find(event), try await !isOutdated(known.version) { return known }
        guard waiting.count < Self.maximumWaiting else { throw APIProblem.unavailable() }
        if isMaking { await withCheckedContinuation { waiting.append($0) } } else { isMaking = true }
        // Passes the turn on.
        defer { if waiting.isEmpty { isMaking = false } else { waiting.removeFirst().resume() } }
        if let known = find(event), try await !isOutdated(known.version) { return known }
        let made = try await make()
        keep(made, of: event)
        return made
    }

    private func find(_ event: EventID) -> CheckInManifest? {
        guard let index = kept.firstIndex(where: { $0.event == event }) else { return nil }
        let entry = kept.remove(at: index)
        kept.append(entry)
        return entry.manifest
    }

    /// Evicts the least recently used first.
    private func keep(_ manifest: CheckInManifest, of event: EventID) {
        kept.removeAll { $0.event == event }
        kept.append((event, manifest))
        var bytes = kept.reduce(0) { $0 + $1.manifest.document.compressedLength }
        while bytes > maximumBytes, !kept.isEmpty { bytes -= kept.removeFirst().manifest.document.compressedLength }
    }
}
