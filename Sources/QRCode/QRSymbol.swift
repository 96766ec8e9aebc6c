import CQREncode
import Glibc

/// A QR Code symbol (ISO/IEC 18004): a square of dark and light modules, quiet zone not included.
///
/// The smallest version that holds the text is chosen; digits and the alphanumeric set
/// (`0-9 A-Z $%*+-./:` and space) are packed densely, everything else goes as UTF-8 bytes. Readers have to guess the
/// encoding of the latter, and guess wrong with few of them: what must be read surely should be ASCII.
public struct QRSymbol: Sendable, Hashable {
    /// How much of the symbol may be unreadable before the text is lost.
    public enum Correction: Sendable, Hashable, CaseIterable {
        /// About 7 %.
        case low
        /// About 15 %.
        case medium
        /// About 25 %.
        case quartile
        /// About 30 %.
        case high
    }

    /// Modules along one side, without the quiet zone: 21 to 177.
    public let size: Int
    /// `true` is dark; row by row from the top left.
    private let modules: [Bool]

    /// Encodes `text`.
    ///
    /// - Throws: `.empty`, `.containsNUL` (libqrencode takes C strings), `.tooLong` when version 40 is too small,
    ///   `.outOfMemory`.
    public init(text: String, correction: Correction = .medium) throws(QRSymbolError) {
        guard !text.isEmpty else { throw .empty }
        guard !text.utf8.contains(0) else { throw .containsNUL }
        // QR_MODE_8 is only the hint for what is neither numeric nor alphanumeric: `encodeString` splits the text into
        // segments of the densest mode by itself. Version 0 asks for the smallest that fits.
        errno = 0
        guard let code = QRcode_encodeString(text, 0, correction.level, QR_MODE_8, 1) else {
            throw errno == ERANGE ? .tooLong : errno == ENOMEM ? .outOfMemory : .refused(errno: errno)
        }
        defer { QRcode_free(code) }
        size = Int(code.pointee.width)
        // Bit 0 of each byte is the module's colour; the others say what the module is for (qrencode.h, QRcode.data).
        modules = UnsafeBufferPointer(start: code.pointee.data, count: size * size).map { $0 & 1 == 1 }
    }

    /// Whether the module in column `x` of row `y` (from 0, top left) is dark; outside the symbol all is light.
    public subscript(x: Int, y: Int) -> Bool {
        guard x >= 0, y >= 0, x < size, y < size else { return false }
        return modules[y * size + x]
    }
}

extension QRSymbol.Correction {
    var level: QRecLevel {
        switch self {
        case .low: QR_ECLEVEL_L
        case .medium: QR_ECLEVEL_M
        case .quartile: QR_ECLEVEL_Q
        case .high: QR_ECLEVEL_H
        }
    }
}

/// Why a text has no symbol. None of them is worth a retry with the same text.
public enum QRSymbolError: Error, Sendable, Hashable {
    /// There is nothing to encode.
    case empty
    /// The text holds a NUL character.
    case containsNUL
    /// Not even version 40 holds the text at this correction.
    case tooLong
    /// The library could not allocate.
    case outOfMemory
    /// Anything else the library answers, by its `errno`.
    case refused(errno: Int32)
}
