import FoundationEssentials
import Glibc
import QRCode
import Testing

@Suite struct QRSymbolTests {
    /// As long as a ticket's text, and made of the alphanumeric set only.
    static let ticket = "EM1:" + String(repeating: "0123456789ABCDEFGHJKMNPQRSTVWXYZ", count: 4)

    @Test("The finder patterns stand in three corners and what is outside is light")
    func shape() throws {
        let symbol = try QRSymbol(text: "EM-CONNECT")
        #expect(symbol.size == 21)
        for (x, y) in [(0, 0), (20, 0), (0, 20)] { #expect(symbol[x, y]) }
        // The separator beside each finder is light.
        for (x, y) in [(7, 0), (0, 7), (13, 0), (7, 20)] { #expect(symbol[x, y] == false) }
        for (x, y) in [(-1, 0), (0, -1), (21, 0), (0, 21)] { #expect(symbol[x, y] == false) }
    }

    @Test("Upper-case text is packed as alphanumeric, so it takes a smaller symbol than lower-case")
    func alphanumericMode() throws {
        let dense = try QRSymbol(text: Self.ticket)
        let bytes = try QRSymbol(text: Self.ticket.lowercased())
        // 132 characters at medium correction: version 6 (154 alphanumeric) against version 8 (152 bytes).
        #expect(dense.size == 41)
        #expect(bytes.size == 49)
    }

    @Test("More correction takes no smaller a symbol")
    func correction() throws {
        let sizes = try QRSymbol.Correction.allCases.map { try QRSymbol(text: Self.ticket, correction: $0).size }
        #expect(sizes == sizes.sorted() && sizes.first != sizes.last)
    }

    @Test("What cannot be encoded is a typed error")
    func errors() throws {
        #expect(throws: QRSymbolError.empty) { try QRSymbol(text: "") }
        #expect(throws: QRSymbolError.containsNUL) { try QRSymbol(text: "a\0b") }
        #expect(throws: QRSymbolError.tooLong) { try QRSymbol(text: String(repeating: "é", count: 2_000)) }
    }

    @Test("The SVG is a white ground with the quiet zone and one path of dark runs")
    func svg() throws {
        let symbol = try QRSymbol(text: Self.ticket)
        let svg = symbol.svg(title: "Ticket <A&B>")
        #expect(svg.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 49 49\""))
        #expect(svg.contains("shape-rendering=\"crispEdges\""))
        #expect(svg.contains("<path fill=\"#fff\" d=\"M0 0h49v49H0z\"/>"))
        #expect(svg.contains("<title>Ticket &lt;A&amp;B&gt;</title>"))
        #expect(svg.utf8.count < 16_000)
        // The runs cover exactly the dark modules.
        let covered = svg.split(separator: "M").dropFirst(2).compactMap { run in
            run.split(separator: "h").dropFirst().first.flatMap { Int($0.prefix { $0.isNumber }) }
        }
        let dark = (0..<symbol.size * symbol.size).filter { symbol[$0 % symbol.size, $0 / symbol.size] }
        #expect(covered.reduce(0, +) == dark.count)
    }

    @Test("The PNG has the size asked for and stays small")
    func png() throws {
        let symbol = try QRSymbol(text: Self.ticket)
        let png = symbol.png(modulePixels: 6)
        #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
        let width = png[16..<20].reduce(0) { $0 << 8 | Int($1) }
        #expect(width == (41 + 8) * 6)
        #expect(png.count < 1_500)
    }

    @Test(
        "zbarimg reads the PNG back, whatever the text",
        arguments: [ticket, "https://example.com/t/a?x=1&y=2", "12345678901234567890", "チケット 🎟"])
    func readBack(text: String) async throws {
        for pixels in [2, 5] {
            let png = try QRSymbol(text: text).png(modulePixels: pixels)
            #expect(try await decodedByZBar(png) == text)
        }
    }
}

/// What `zbarimg` (package zbar-tools) reads in `png`.
private func decodedByZBar(_ png: [UInt8]) async throws -> String {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("qr-\(UUID().uuidString).png")
    try Data(png).write(to: file)
    defer { unlink(file.path) }
    // `popen` waits for a child that takes some 20 ms: fine in a test.
    guard let pipe = popen("zbarimg --quiet --raw --oneshot -Sdisable -Sqrcode.enable '\(file.path)' 2>/dev/null", "r")
    else {
        return ""
    }
    defer { pclose(pipe) }
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4_096)
    while case let count = fread(&buffer, 1, buffer.count, pipe), count > 0 { output += buffer[..<count] }
    return String(decoding: output.last == 0x0A ? output.dropLast() : output[...], as: UTF8.self)
}
