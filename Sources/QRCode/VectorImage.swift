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
        precondition(quietZone >= 0)
        let side = size + 2 * quietZone
        var svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(side) \(side)\""
        if let width { svg += " width=\"\(width)\" height=\"\(width)\"" }
        svg += " shape-rendering=\"crispEdges\" role=\"img\">"
        if let title { svg += "<title>\(escapedForXML(title))</title>" }
        svg += "<path fill=\"#fff\" d=\"M0 0h\(side)v\(side)H0z\"/><path fill=\"#000\" d=\""
        for y in 0..<size {
            for run in darkRuns(inRow: y) {
                svg += "M\(quietZone + run.lowerBound) \(quietZone + y)h\(run.count)v1h-\(run.count)z"
            }
        }
        return svg + "\"/></svg>"
    }

    /// The dark modules of a row, neighbours joined: about half as many path segments as modules.
    private func darkRuns(inRow y: Int) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var x = 0
        while x < size {
            guard self[x, y] else {
                x += 1
                continue
            }
            let start = x
            while x < size, self[x, y] { x += 1 }
            runs.append(start..<x)
        }
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
