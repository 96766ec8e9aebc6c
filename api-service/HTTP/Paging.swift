import Domain
import HTTPTypes
import Hummingbird
import NIOCore
import Persistence

/// Reads a page of a list: after the key that the last page ended with, with a maximum number of rows.
typealias PageReader<Item: Sendable> = @Sendable (_ after: PageKey?, _ limit: Int) async throws -> Page<Item>

extension APIContext {
    /// Responds with one page of a list: parses `limit` and `cursor`, refuses invalid queries, and encodes the rows.
    /// - Parameters:
    ///   - query: with the list's own parameters already parsed, so that all errors are reported together.
    ///   - usual: the default number of rows per page.
    func page<Item, Shown: Encodable>(
        _ kind: CursorKind, of query: QueryFields, usual: Int = 20, _ show: (Item) throws -> Shown,
        read: PageReader<Item>
    ) async throws -> Response {
        var query = query
        let limit = query.limit(default: usual)
        try query.validation.check()
        return try .json(try await read(try query.cursor(kind), limit).json(kind, show))
    }

    /// Responds with a whole list as CSV, page by page, so that a hundred thousand rows need no memory.
    /// - Parameter name: the file's, without quotes.
    func table<Item>(
        _ name: String, header: [String], _ row: @escaping @Sendable (Item) -> [String],
        read: @escaping PageReader<Item>
    ) async throws -> Response {
        let limit = 1000
        // The first page before the head: an error now still becomes a problem document.
        let first = try await read(nil, limit)
        let body = ResponseBody { writer in
            var page = first
            try await writer.write(ByteBuffer(string: CSV.table(header: header, page.items.map(row))))
            while let next = page.next {
                page = try await read(next, limit)
                try await writer.write(ByteBuffer(string: CSV.rows(page.items.map(row))))
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/csv; charset=utf-8", .cacheControl: "no-store",
                .contentDisposition: "attachment; filename=\"\(name)\"",
            ], body: body)
    }
}
