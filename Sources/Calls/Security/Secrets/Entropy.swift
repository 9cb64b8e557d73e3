import CCrypto
import Glibc

/// Shannon entropy of the bytes, in bits a byte: 0 for one value repeated, 8 for all values equally often.
func shannonEntropy(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Double {
    guard !range.isEmpty else { return 0 }
    var counts = [Int](repeating: 0, count: 256)
    for index in range { counts[Int(bytes[index])] += 1 }
    let total = Double(range.count)
    return counts.reduce(0) { sum, count in
        guard count > 0 else { return sum }
        let share = Double(count) / total
        return sum - share * log2(share)
    }
}

/// What stands for a secret outside the scan. The same secret gives the same fingerprint in every file, so that one line of an allow-list covers
/// it; guessing a weak password from it costs 10,000 rounds of HMAC-SHA-256 a guess (PBKDF2, RFC 8018).
func secretFingerprint(rule: String, secret: some Collection<UInt8>) -> String {
    let salt = Array("botmesh.secret.v1\u{1f}\(rule)".utf8)
    let password = secret.map { CChar(bitPattern: $0) }
    var key = [UInt8](repeating: 0, count: 16)
    let done = PKCS5_PBKDF2_HMAC(
        password, Int32(clamping: password.count), salt, Int32(clamping: salt.count), 10_000, EVP_sha256(), Int32(key.count), &key)
    precondition(done == 1, "libcrypto has no PBKDF2 with SHA-256")
    return hexText(key)
}

/// Lower-case hexadecimal.
func hexText(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
