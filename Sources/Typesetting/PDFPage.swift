import CTypesetting

/// One page of a PDF document: texts in any script, filled rectangles, and square symbols. Lengths are points (1/72 inch)
/// from the top left.
///
/// Setting a page takes some milliseconds and loads fonts at the first time: never on Swift's cooperative pool. A page
/// belongs to the thread that made it.
public struct PDFPage: ~Copyable {
    public enum Family: Sendable {
        case sans, monospace
    }

    /// The library failed, or there is no memory.
    public struct Failure: Error, Sendable {}

    /// Owned: freed by `document()` or `deinit`.
    private let page: OpaquePointer

    /// A4.
    public static let width = 595.28
    public static let height = 841.89

    /// - Parameter title: the document's.
    public init(title: String) throws(Failure) {
        guard let page = ct_page_open(Self.width, Self.height, title) else { throw Failure() }
        self.page = page
    }

    deinit { ct_page_discard(page) }

    /// Sets a text within a column and answers the height that it took. Words are wrapped; what the lines don't hold ends
    /// in an ellipsis; right-to-left scripts start at the right.
    @discardableResult
    public mutating func text(
        _ text: String, x: Double, y: Double, width: Double, size: Double, family: Family = .sans, isBold: Bool = false,
        color: UInt32 = 0, maximumLines: Int = 1
    ) -> Double {
        ct_page_text(
            page, text, x, y, width, size, Int32(family == .sans ? 0 : 1), Int32(isBold ? 1 : 0), color,
            Int32(maximumLines))
    }

    /// How many characters of the texts so far no font of this machine has: each is a box with its number.
    public var missingGlyphs: Int { Int(ct_page_missing(page)) }

    public mutating func fill(x: Double, y: Double, width: Double, height: Double, color: UInt32) {
        ct_page_fill(page, x, y, width, height, color)
    }

    /// A square symbol, such as a QR code without its quiet zone.
    /// - Parameter dark: row by row, `side * side` of them.
    public mutating func symbol(_ dark: [Bool], side: Int, x: Double, y: Double, width: Double) {
        precondition(dark.count == side * side)
        ct_page_modules(page, dark, side, x, y, width)
    }

    /// The finished document.
    public consuming func document() throws(Failure) -> [UInt8] {
        let page = self.page
        discard self
        var length = 0
        guard let bytes = ct_page_close(page, &length) else { throw Failure() }
        defer { ct_free(bytes) }
        return Array(UnsafeBufferPointer(start: bytes, count: length))
    }
}
