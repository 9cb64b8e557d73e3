import CCrypto
import KafkaProtocol

/// What is kept of a password: PBKDF2 with HMAC-SHA-256 (RFC 8018) under a salt of its own.
struct PasswordHash: Equatable {
    /// As Kafka's SCRAM has it (RFC 7677). More would hold the one thread of the broker up at each login; the time of one is in docs/broker-security.md.
    static let standardIterations: Int32 = 4_096
    /// What a record may ask for: a login never takes longer than four times the usual.
    static let iterationRange: ClosedRange<Int32> = 1_000...16_384
    private static let saltBytes = 16
    private static let hashBytes = 32

    let salt: [UInt8]
    let iterations: Int32
    let hash: [UInt8]

    init(of password: [UInt8], using random: inout some RandomNumberGenerator) {
        salt = (0..<Self.saltBytes).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        iterations = Self.standardIterations
        hash = Self.derive(password, salt: salt, iterations: iterations)
    }

    /// What the metadata log says.
    init(_ record: UserRecord) throws(WireError) {
        guard record.salt.count == Self.saltBytes, record.hash.count == Self.hashBytes, Self.iterationRange.contains(record.iterations)
        else {
            throw WireError("a user's password is kept in a way that this broker does not know", at: 0)
        }
        salt = record.salt
        iterations = record.iterations
        hash = record.hash
    }

    /// Takes as long for a wrong password as for the right one.
    func matches(_ password: [UInt8]) -> Bool {
        let derived = Self.derive(password, salt: salt, iterations: iterations)
        return CRYPTO_memcmp(derived, hash, Self.hashBytes) == 0
    }

    static func derive(_ password: [UInt8], salt: [UInt8], iterations: Int32) -> [UInt8] {
        var hash = [UInt8](repeating: 0, count: hashBytes)
        let done = password.withUnsafeBytes { bytes in
            PKCS5_PBKDF2_HMAC(
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(clamping: bytes.count), salt, Int32(clamping: salt.count),
                iterations, EVP_sha256(), Int32(hashBytes), &hash)
        }
        precondition(done == 1, "libcrypto has no PBKDF2 with SHA-256")
        return hash
    }
}
