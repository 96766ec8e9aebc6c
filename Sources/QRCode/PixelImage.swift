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

    /// The rows as PNG wants them: a filter byte, then the pixels packed eight to a byte, 1 for white. Every row of a
    /// module but its first is filter 2 (the difference to the row above) over nothing but zeros, which deflate walks
    /// over in long strides.
    private func scanlines(modulePixels: Int, quietZone: Int) -> [UInt8] {
        let modulesAcross = size + 2 * quietZone
        let rowBytes = (modulesAcross * modulePixels + 7) / 8
        var repeated = [UInt8](repeating: 0, count: 1 + rowBytes)
        repeated[0] = 2
        var rows: [UInt8] = []
        rows.reserveCapacity(modulesAcross * modulePixels * (1 + rowBytes))
        for y in -quietZone..<size + quietZone {
            rows.append(0)
            let start = rows.count
            rows.append(contentsOf: repeatElement(0xFF, count: rowBytes))
            for run in darkRuns(inRow: y) {
                blacken(
                    (run.lowerBound + quietZone) * modulePixels..<(run.upperBound + quietZone) * modulePixels,
                    of: &rows, from: start)
            }
            for _ in 1..<modulePixels { rows += repeated }
        }
        return rows
    }
}

/// Clears the bits of some pixels in the row that begins at byte `start`.
private func blacken(_ pixels: Range<Int>, of rows: inout [UInt8], from start: Int) {
    let (first, last) = (start + pixels.lowerBound / 8, start + (pixels.upperBound - 1) / 8)
    let head = UInt8(0xFF) >> UInt8(pixels.lowerBound % 8)
    let tail = ~(UInt8(0x7F) >> UInt8((pixels.upperBound - 1) % 8))
    guard first < last else { return rows[first] &= ~(head & tail) }
    rows[first] &= ~head
    for byte in first + 1..<last { rows[byte] = 0 }
    rows[last] &= ~tail
}

private func bigEndian(_ number: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt32(number).bigEndian) { Array($0) }
}

private func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
    let body = Array(type.utf8) + data
    let checksum = crc32(0, body, UInt32(body.count))
    return bigEndian(data.count) + body + bigEndian(Int(checksum))
}

/// `bytes` as a zlib stream. Memory is the only thing that zlib can run out of here, so failure is treated as that.
///
/// Level 2 with a window of 4 kB: on these rows the best level needs forty times as long (2 ms) for two thirds of the size
/// (0.7 kB), since it compares every one of the zeros with all that went before.
private func deflated(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    precondition(cz_deflate_init(&stream, 2, 12, 4) == Z_OK, "zlib could not allocate")
    defer { deflateEnd(&stream) }
    let bound = Int(deflateBound(&stream, uLong(bytes.count)))
    return [UInt8](unsafeUninitializedCapacity: bound) { output, count in
        bytes.withUnsafeBufferPointer { input in
            // zlib reads from `next_in`, though it isn't declared so.
            stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            stream.avail_in = UInt32(input.count)
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(bound)
            // There is room for all of it: one call is enough.
            precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END, "zlib needs more than its own bound")
        }
        count = Int(stream.total_out)
    }
}
