import CLibpq

extension SQL {
    /// The values as libpq wants them: pointers, lengths and formats (all binary), valid during `body`.
    func withParameters<R>(
        _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> R
    ) -> R {
        let count = extents.count
        if count == 0 { return body(nil, nil, nil) }
        return values.withUnsafeBytes { bytes in
            withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: count) { pointers in
                withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * count) { numbers in
                    // An empty value still needs a pointer, for NULL is another thing: any will do.
                    let base = bytes.baseAddress ?? UnsafeRawPointer(numbers.baseAddress!)
                    for (position, extent) in extents.enumerated() {
                        let start = (base + extent.offset).assumingMemoryBound(to: CChar.self)
                        pointers.initializeElement(at: position, to: extent.length < 0 ? nil : start)
                        numbers.initializeElement(at: position, to: Int32(max(extent.length, 0)))
                        numbers.initializeElement(at: count + position, to: 1)
                    }
                    return body(pointers.baseAddress, numbers.baseAddress, numbers.baseAddress.map { $0 + count })
                }
            }
        }
    }

    /// A statement made at run time, for names that come from our own code: never for values.
    init(trusted text: String) {
        self.init()
        append(trusted: text)
    }
}

extension PostgresError.ServerError {
    /// Reads the fields of an error result; nil when it is libpq's own error, which has no SQLSTATE.
    init?(_ result: OpaquePointer) {
        func field(_ code: Unicode.Scalar) -> String? {
            PQresultErrorField(result, Int32(code.value)).map { String(cString: $0) }
        }
        guard let sqlState = field("C") else { return nil }
        self.init(
            sqlState: sqlState, message: field("M") ?? "", constraint: field("n"), detail: field("D"),
            // Messages may be translated, the name of the server's C function is not.
            isStalePlan: sqlState == "26000" || field("R") == "RevalidateCachedQuery")
    }
}

extension PostgresError {
    /// A statement that the server stopped for its time limit (57014, query_canceled) has timed out like any other.
    /// Our own cancellations are never heard of again: their connection is dropped.
    init(answering error: ServerError) {
        self.init(error.sqlState == "57014" ? .timedOut : .server(error))
    }
}
