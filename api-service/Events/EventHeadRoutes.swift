import Access
import Bootstrap
import Domain
import Hummingbird
import Persistence

/// The HTML head of an event page, which nginx inserts into the page it serves, for link previews.
struct EventHeadRoutes: Sendable {
    let stores: Stores
    let publicURL: PublicURL

    @Sendable func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try context.id(of: EventSubject.self)
        try Authorization.require(.viewPublishedEvent, context.principal)
        // Drafts have no preview for anyone.
        guard let event = try await stores.events.find(id), event.storedStatus != .draft,
            let start = try await stores.events.localStart(of: id)
        else { throw DomainError.notFound }
        let head = EventHead(
            title: event.details.title, start: start, venue: event.details.venue,
            description: event.details.description, isCancelled: event.storedStatus == .cancelled,
            address: publicURL.link("/events/\(id)"), image: publicURL.link("/gate/icon-512.png"))
        return .text(head.html, type: "text/html; charset=utf-8")
    }
}

/// Title, description and Open Graph tags (https://ogp.me) of an event's page.
struct EventHead {
    var title: String
    /// Date and time in the event's time zone.
    var start: String
    var venue: String
    var description: String
    var isCancelled: Bool
    var address: String
    var image: String

    /// About as much as link previews show.
    private static let longestDescription = 200

    var html: String {
        let name = isCancelled ? "Cancelled: \(title)" : title
        return """
            <title>\(Self.escaped(name)) · EM-Connect</title>
            <meta name="description" content="\(Self.escaped(summary))">
            <link rel="canonical" href="\(Self.escaped(address))">
            <meta property="og:type" content="website">
            <meta property="og:site_name" content="EM-Connect">
            <meta property="og:title" content="\(Self.escaped(name))">
            <meta property="og:description" content="\(Self.escaped(summary))">
            <meta property="og:url" content="\(Self.escaped(address))">
            <meta property="og:image" content="\(Self.escaped(image))">
            <meta name="twitter:card" content="summary">

            """
    }

    /// When, where and what, on one line.
    private var summary: String {
        let words = description.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let about =
            words.count <= Self.longestDescription ? words : words.prefix(Self.longestDescription - 1) + "…"
        return [start, venue, String(about)].filter { !$0.isEmpty }.joined(separator: " · ")
    }

    /// Escapes text for content and quoted attributes (HTML Living Standard §13.3). Control characters are dropped.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "\n", "\t": escaped += " "
            case _ where scalar.properties.generalCategory == .control: continue
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
