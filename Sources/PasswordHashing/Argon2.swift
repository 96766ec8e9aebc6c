import CArgon2

/// The two calls into libargon2. They block for the whole computation.
enum Argon2 {
    static let saltLength = 16
    static let hashLength = 32

    static func hash(_ password: String, _ parameters: PasswordHasher.Parameters) throws(HashingError) -> String {
        // getrandom(2) underneath.
        var random = SystemRandomNumberGenerator()
        let salt = (0..<saltLength).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        let password = Array(password.utf8)
        let length = argon2_encodedlen(
            parameters.iterations, parameters.memory, parameters.parallelism, UInt32(saltLength), UInt32(hashLength),
            Argon2_id)
        var encoded = [CChar](repeating: 0, count: length)
        let status = argon2id_hash_encoded(
            parameters.iterations, parameters.memory, parameters.parallelism, password, password.count, salt,
            salt.count, hashLength, &encoded, length)
        guard status == ARGON2_OK.rawValue else { throw error(status) }
        return String(decoding: encoded.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    static func verify(_ password: String, _ phc: String) throws(HashingError) -> Bool {
        let password = Array(password.utf8)
        let status = argon2id_verify(phc, password, password.count)
        switch status {
        case ARGON2_OK.rawValue: return true
        case ARGON2_VERIFY_MISMATCH.rawValue: return false
        case ARGON2_DECODING_FAIL.rawValue, ARGON2_DECODING_LENGTH_FAIL.rawValue: throw .malformedHash
        default: throw error(status)
        }
    }

    private static func error(_ code: Int32) -> HashingError {
        .library(code: code, message: String(cString: argon2_error_message(code)))
    }
}

/// The PHC string format of libargon2: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`.
enum PHCString {
    /// The parameters of a current-version Argon2id string, or `nil` for anything else.
    static func parameters(of phc: String) -> PasswordHasher.Parameters? {
        let fields = phc.split(separator: "$", omittingEmptySubsequences: false)
        guard fields.count == 6, fields[0].isEmpty, fields[1] == "argon2id", fields[2] == "v=19" else { return nil }
        let costs = fields[3].split(separator: ",", omittingEmptySubsequences: false)
        guard costs.count == 3, let memory = number(costs[0], "m="), let iterations = number(costs[1], "t="),
            let parallelism = number(costs[2], "p=")
        else { return nil }
        return .init(memory: memory, iterations: iterations, parallelism: parallelism)
    }

    private static func number(_ field: Substring, _ name: String) -> UInt32? {
        field.hasPrefix(name) ? UInt32(field.dropFirst(name.count)) : nil
    }

    /// A well-formed string of these costs that no password matches: 16 and 32 zero bytes in unpadded base64.
    static func decoy(_ parameters: PasswordHasher.Parameters) -> String {
        let costs = "m=\(parameters.memory),t=\(parameters.iterations),p=\(parameters.parallelism)"
        return "$argon2id$v=19$\(costs)$\(String(repeating: "A", count: 22))$\(String(repeating: "A", count: 43))"
    }
}
