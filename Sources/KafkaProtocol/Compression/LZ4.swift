import CCompression

/// The LZ4 frame format: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
final class LZ4: Decompressor {
    static let name = "lz4"
    private var context: OpaquePointer?

    init() {
        let status = LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))
        precondition(LZ4F_isError(status) == 0, "lz4 cannot start")
    }

    deinit { LZ4F_freeDecompressionContext(context) }

    func step(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) throws(BatchError) -> (
        read: Int, written: Int, isAtEnd: Bool
    ) {
        var read = input.count
        var written = output.count
        let hint = LZ4F_decompress(context, output.baseAddress, &written, input.baseAddress, &read, nil)
        guard LZ4F_isError(hint) == 0 else { throw .cannotDecompress(Self.name, String(cString: LZ4F_getErrorName(hint))) }
        return (read, written, hint == 0)
    }

    /// In independent blocks of 64 KiB, the only ones that Kafka's Java client reads.
    static func compress(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var preferences = LZ4F_preferences_t()
        preferences.frameInfo.blockMode = LZ4F_blockIndependent
        preferences.frameInfo.blockSizeID = LZ4F_max64KB
        return .filled(capacity: LZ4F_compressFrameBound(bytes.count, &preferences)) { output in
            bytes.withBytes { input in
                let count = LZ4F_compressFrame(output.baseAddress, output.count, input.baseAddress, input.count, &preferences)
                precondition(LZ4F_isError(count) == 0, "lz4 cannot compress")
                return count
            }
        }
    }
}
