import Crypto

extension SHA256 {
    static func digest(_ text: String) -> [UInt8] { Array(hash(data: Array(text.utf8))) }
}
