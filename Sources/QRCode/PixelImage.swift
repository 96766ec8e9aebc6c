import CZlib

extension QRSymbol {
    /// The symbol as a PNG: one bit per pixel, black on white, quiet zone included.
    ///
    /// The side is `(size + 2 × quietZone) × modulePixels` pixels.
    ///
    /// - Parameters:
    ///   - modulePixels: the side of one module in pixels, at least 1.
    ///   - quietZone: light modules around the symbol; ISO/IEC 18004 asks for 4.
    public func png(modulePixels: Int, quietZone: Int = 4) -> [UInt8] {
        precondition(modulePixels > 0 && quietZone >= 0)
        let side = (size + 2 * quietZone) * modulePixels
        var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        // IHDR: bit depth 1, colour type 0 (greyscale), deflate, no filter method but 0, not interlaced
        // (W3C PNG, 3rd edition, 11.2.1).
        file += chunk("IHDR", bigEndian(side) + bigEndian(side) + [1, 0, 0, 0, 0])
        file += chunk("IDAT", deflated(scanlines(modulePixels: modulePixels, quietZone: quietZone)))
        file += chunk("IEND", [])
        return file
    }

    /// The rows as PNG wants them: a filter byte (0, none), then the pixels packed eight to a byte, 1 for white.
    private func scanlines(modulePixels: Int, quietZone: Int) -> [UInt8] {
        let modulesAcross = size + 2 * quietZone
        let side = modulesAcross * modulePixels
        var rows: [UInt8] = []
        rows.reserveCapacity(side * (1 + (side + 7) / 8))
        for y in 0..<modulesAcross {
            var row = [UInt8](repeating: 0xFF, count: 1 + (side + 7) / 8)
            row[0] = 0
            for x in 0..<modulesAcross where self[x - quietZone, y - quietZone] {
                for pixel in x * modulePixels..<(x + 1) * modulePixels {
                    row[1 + pixel / 8] &= ~(0x80 >> UInt8(pixel % 8))
                }
            }
            for _ in 0..<modulePixels { rows += row }
        }
        return rows
    }
}

private func bigEndian(_ number: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt32(number).bigEndian) { Array($0) }
}

private func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
    let body = Array(type.utf8) + data
    let checksum = crc32(0, body, UInt32(body.count))
    return bigEndian(data.count) + body + bigEndian(Int(checksum))
}

/// `bytes` as a zlib stream. Memory is the only thing zlib's one-shot `compress2` can run out of, and at most 4 MB of
/// highly repetitive rows come here, so failure is treated as what it would be: out of memory.
private func deflated(_ bytes: [UInt8]) -> [UInt8] {
    var length = compressBound(uLong(bytes.count))
    return [UInt8](unsafeUninitializedCapacity: Int(length)) { buffer, count in
        let status = compress2(buffer.baseAddress, &length, bytes, uLong(bytes.count), Z_BEST_COMPRESSION)
        precondition(status == Z_OK, "zlib could not allocate")
        count = Int(length)
    }
}
