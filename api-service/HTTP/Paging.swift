import Domain
import HTTPTypes
import Hummingbird
import NIOCore
import Persistence

/// Where a list is read from: the key that the last page ended with, and how many rows at most.
typealias PageReader<Item: Sendable> = @Sendable (_ after: PageKey?, _ limit: Int) async throws -> Page<Item>

extension APIContext {
    /// Answers one page of a list: reads `limit` and `cursor`, refuses whatever is wrong in the query, and shows the rows.
    /// - Parameters:
    ///   - query: with the list's own parameters read from it already, so that all mistakes are told at once.
    ///   - usual: rows of a page unless the query says otherwise.
    func page<Item, Shown: Encodable>(
        _ kind: CursorKind, of query: QueryFields, usual: Int = 20, _ show: (Item) throws -> Shown,
        read: PageReader<Item>
    ) async throws -> Response {
        var query = query
        let limit = query.limit(default: usual)
        try query.validation.check()
        return try .json(try await read(try query.cursor(kind), limit).json(kind, show))
    }

    /// Answers a whole list as a table for spreadsheets, page by page, so that a hundred thousand rows need no memory.
    /// - Parameter name: of the file, without quotes.
    func table<Item>(
        _ name: String, header: [String], _ row: @escaping @Sendable (Item) -> [String],
        read: @escaping PageReader<Item>
    ) async throws -> Response {
        let limit = 1000
        // The first page before the head: what fails now is still a problem document.
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
