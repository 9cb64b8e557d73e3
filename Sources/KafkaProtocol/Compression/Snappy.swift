import CCompression

/// Snappy, as one block (librdkafka) or as the framed blocks of the xerial library (Java, Python).
enum Snappy {
    /// The magic bytes, version 1, compatible with version 1.
    private static let frameStart: [UInt8] = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]
    private static let magicSize = 8
    /// Of what one block holds; xerial's default.
    private static let blockSize = 32 * 1024
    /// No block gives more bytes for each of its own: three can stand for 64 at most.
    private static let maximumRatio = 22

    static func decompress(_ bytes: ArraySlice<UInt8>, maximumBytes: Int) throws(BatchError) -> [UInt8] {
        var result: [UInt8] = []
        guard bytes.prefix(magicSize).elementsEqual(frameStart.prefix(magicSize)) else {
            if !bytes.isEmpty { try append(block: bytes, to: &result, maximumBytes: maximumBytes) }
            return result
        }
        var rest = bytes
        while !rest.isEmpty {
            // The frames of parts that were joined each have a start.
            if rest.prefix(magicSize).elementsEqual(frameStart.prefix(magicSize)) {
                guard rest.count >= frameStart.count else { throw cut }
                rest = rest.dropFirst(frameStart.count)
                continue
            }
            guard rest.count >= 4 else { throw cut }
            let size = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(4)
            guard size <= rest.count else { throw cut }
            try append(block: rest.prefix(size), to: &result, maximumBytes: maximumBytes)
            rest = rest.dropFirst(size)
        }
        return result
    }

    private static var cut: BatchError { .cannotDecompress("snappy", "they end too early") }

    private static func append(block: ArraySlice<UInt8>, to result: inout [UInt8], maximumBytes: Int) throws(BatchError) {
        var size = 0
        let known = block.withUnsafeCharacters { snappy_uncompressed_length($0, $1, &size) }
        guard known == SNAPPY_OK, size <= block.count * maximumRatio else { throw .cannotDecompress("snappy", "a block's length is wrong") }
        guard size <= maximumBytes - result.count else { throw .tooLarge(maximumBytes) }
        var status = SNAPPY_OK
        result += [UInt8].filled(capacity: size) { output in
            output.withMemoryRebound(to: CChar.self) { output in
                status = block.withUnsafeCharacters { snappy_uncompress($0, $1, output.baseAddress, &size) }
            }
            return status == SNAPPY_OK ? size : 0
        }
        guard status == SNAPPY_OK else { throw .cannotDecompress("snappy", "a block is damaged") }
    }

    static func compress(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var result = frameStart
        var rest = bytes
        while !rest.isEmpty {
            let block = compressed(block: rest.prefix(blockSize))
            result += withUnsafeBytes(of: UInt32(block.count).bigEndian) { Array($0) }
            result += block
            rest = rest.dropFirst(blockSize)
        }
        return result
    }

    /// One block without a frame, as librdkafka writes it.
    static func compressed(block: ArraySlice<UInt8>) -> [UInt8] {
        .filled(capacity: snappy_max_compressed_length(block.count)) { output in
            var size = output.count
            let status = output.withMemoryRebound(to: CChar.self) { output in
                block.withUnsafeCharacters { snappy_compress($0, $1, output.baseAddress, &size) }
            }
            precondition(status == SNAPPY_OK, "snappy cannot compress")
            return size
        }
    }
}

extension ArraySlice<UInt8> {
    /// For C functions that want `char *`.
    fileprivate func withUnsafeCharacters<Result>(_ body: (UnsafePointer<CChar>?, Int) -> Result) -> Result {
        withBytes { body($0.assumingMemoryBound(to: CChar.self).baseAddress, $0.count) }
    }
}
