/// How the records of a batch are compressed, with the codes of the batch's attributes.
public enum Compression: Int16, Sendable, CaseIterable {
    case none = 0
    case gzip = 1
    case snappy = 2
    case lz4 = 3
    case zstd = 4

    /// As Kafka's own producer writes the records of a batch. Traps when memory is out.
    public func compress(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        switch self {
        case .none: Array(bytes)
        case .gzip: Gzip.compress(bytes)
        case .snappy: Snappy.compress(bytes)
        case .lz4: LZ4.compress(bytes)
        case .zstd: Zstandard.compress(bytes)
        }
    }

    /// Takes what Java clients, librdkafka, and the Python and Go clients write. Throws when the bytes are wrong, and as soon as they give more than
    /// `maximumBytes`.
    public func decompress(_ bytes: ArraySlice<UInt8>, maximumBytes: Int) throws(BatchError) -> [UInt8] {
        switch self {
        case .none:
            guard bytes.count <= maximumBytes else { throw .tooLarge(maximumBytes) }
            return Array(bytes)
        case .snappy: return try Snappy.decompress(bytes, maximumBytes: maximumBytes)
        case .gzip: return try Gzip().decompress(bytes, maximumBytes: maximumBytes)
        case .lz4: return try LZ4().decompress(bytes, maximumBytes: maximumBytes)
        case .zstd: return try Zstandard().decompress(bytes, maximumBytes: maximumBytes)
        }
    }
}

extension BatchError {
    static func tooLarge(_ maximumBytes: Int) -> BatchError {
        BatchError(.messageTooLarge, "the records of a batch are more than \(maximumBytes) bytes when they are decompressed")
    }

    static func cannotDecompress(_ codec: String, _ reason: String) -> BatchError {
        .invalid("the records of a batch are no \(codec): \(reason)")
    }
}
