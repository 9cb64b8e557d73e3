import CCompression

/// Zstandard frames, RFC 8878, with windows of up to 128 MiB, as all levels of Kafka's clients make them.
final class Zstandard: Decompressor {
    static let name = "zstd"
    private static let level: Int32 = 3
    private let context: OpaquePointer?

    init() {
        context = ZSTD_createDCtx()
        precondition(context != nil, "zstd cannot start")
    }

    deinit { ZSTD_freeDCtx(context) }

    func step(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) throws(BatchError) -> (
        read: Int, written: Int, isAtEnd: Bool
    ) {
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let hint = ZSTD_decompressStream(context, &target, &source)
        guard ZSTD_isError(hint) == 0 else { throw .cannotDecompress(Self.name, String(cString: ZSTD_getErrorName(hint))) }
        return (source.pos, target.pos, hint == 0)
    }

    static func compress(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        .filled(capacity: ZSTD_compressBound(bytes.count)) { output in
            bytes.withBytes { input in
                let count = ZSTD_compress(output.baseAddress, output.count, input.baseAddress, input.count, level)
                precondition(ZSTD_isError(count) == 0, "zstd cannot compress")
                return count
            }
        }
    }
}
