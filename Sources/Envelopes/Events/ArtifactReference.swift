/// A packed artifact in the store.
public struct ArtifactReference: Codable, Sendable, Equatable {
    /// Where it lies: a `file:` URL today.
    public var url: String
    /// SHA-256 of its bytes, lower-case hexadecimal.
    public var sha256: String
    /// Its size, in bytes.
    public var sizeBytes: Int
    /// `tar.zst` or `tar.gz`.
    public var format: String

    public init(
        url: String, sha256: String, sizeBytes: Int, format: String
    ) {
        self.url = url
        self.sha256 = sha256
        self.sizeBytes = sizeBytes
        self.format = format
    }

    enum CodingKeys: String, CodingKey {
        case url, sha256
        case sizeBytes = "size_bytes"
        case format
    }
}
