extension QRSymbol {
    /// The symbol as a stand-alone SVG document: dark runs as one path on a white ground that includes the quiet zone,
    /// so that it reads on any page, dark ones too.
    ///
    /// One module is one user unit; without `width` the picture takes the size its container gives it.
    ///
    /// - Parameters:
    ///   - quietZone: light modules around the symbol; ISO/IEC 18004 asks for 4.
    ///   - width: the nominal width and height in pixels, if it should have one.
    ///   - title: the accessible name.
    public func svg(quietZone: Int = 4, width: Int? = nil, title: String? = nil) -> String {
        precondition((0...100).contains(quietZone))
        let side = size + 2 * quietZone
        var svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(side) \(side)\""
        if let width { svg += " width=\"\(width)\" height=\"\(width)\"" }
        svg += " shape-rendering=\"crispEdges\" role=\"img\">"
        if let title { svg += "<title>\(escapedForXML(title))</title>" }
        svg += "<path fill=\"#fff\" d=\"M0 0h\(side)v\(side)H0z\"/><path fill=\"#000\" d=\""
        return svg + String(decoding: darkPath(quietZone), as: UTF8.self) + "\"/></svg>"
    }

    /// One closed subpath for each run, written as bytes into room for the most that there can be: a string for each of
    /// some hundred runs costs ten times as much.
    private func darkPath(_ quietZone: Int) -> [UInt8] {
        let longestRun = "M123 123h123v1h-123z".utf8.count
        return [UInt8](unsafeUninitializedCapacity: size * (size / 2 + 1) * longestRun) { room, count in
            func digit(_ digit: Int) {
                room[count] = UInt8(ascii: "0") + UInt8(digit)
                count += 1
            }
            // A side has at most 177 modules and its quiet zone: three digits.
            func write(_ command: StaticString, _ number: Int? = nil) {
                for offset in 0..<command.utf8CodeUnitCount { room[count + offset] = command.utf8Start[offset] }
                count += command.utf8CodeUnitCount
                guard let number else { return }
                if number > 99 { digit(number / 100) }
                if number > 9 { digit(number / 10 % 10) }
                digit(number % 10)
            }
            for y in 0..<size {
                for run in darkRuns(inRow: y) {
                    write("M", quietZone + run.lowerBound)
                    write(" ", quietZone + y)
                    write("h", run.count)
                    write("v1h-", run.count)
                    write("z")
                }
            }
        }
    }

    /// The dark modules of a row, neighbours joined: about half as many runs as modules. None outside the symbol.
    func darkRuns(inRow y: Int) -> [Range<Int>] {
        guard (0..<size).contains(y) else { return [] }
        var runs: [Range<Int>] = []
        runs.reserveCapacity(size / 2 + 1)
        var start: Int?
        for x in 0..<size {
            if self[x, y] {
                start = start ?? x
            } else if let begun = start {
                runs.append(begun..<x)
                start = nil
            }
        }
        if let start { runs.append(start..<size) }
        return runs
    }

    private func escapedForXML(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            // XML 1.0 allows no other control characters, not even escaped.
            case let control where control.value < 0x20 && !["\t", "\n", "\r"].contains(control): continue
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
