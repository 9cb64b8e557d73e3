import CCompression

/// gzip, RFC 1952; several members may stand in a row.
final class Gzip: Decompressor {
    static let name = "gzip"
    /// The largest window, and gzip's header and trailer around the data.
    private static let windowBits: Int32 = 15 + 16

    /// Allocated, since zlib keeps the address.
    private let stream: UnsafeMutablePointer<z_stream>

    init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let status = inflateInit2_(stream, Self.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(status == Z_OK, "zlib cannot start: \(status)")
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    func step(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) throws(BatchError) -> (
        read: Int, written: Int, isAtEnd: Bool
    ) {
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.assumingMemoryBound(to: UInt8.self).baseAddress)
        stream.pointee.avail_in = uInt(clamping: input.count)
        stream.pointee.next_out = output.assumingMemoryBound(to: UInt8.self).baseAddress
        stream.pointee.avail_out = uInt(clamping: output.count)
        let offered = Int(stream.pointee.avail_in)
        let status = inflate(stream, Z_NO_FLUSH)
        guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
            throw .cannotDecompress(Self.name, stream.pointee.msg.map { String(cString: $0) } ?? "error \(status)")
        }
        let done = (
            read: offered - Int(stream.pointee.avail_in), written: output.count - Int(stream.pointee.avail_out),
            isAtEnd: status == Z_STREAM_END
        )
        if done.isAtEnd { inflateReset(stream) }
        return done
    }

    static func compress(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var stream = z_stream()
        let level = Z_DEFAULT_COMPRESSION
        let started = deflateInit2_(
            &stream, level, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(started == Z_OK && bytes.count <= Int(uInt.max), "zlib cannot start: \(started)")
        defer { deflateEnd(&stream) }
        return .filled(capacity: Int(deflateBound(&stream, uLong(bytes.count)))) { output in
            bytes.withBytes { input in
                stream.next_in = UnsafeMutablePointer(mutating: input.assumingMemoryBound(to: UInt8.self).baseAddress)
                stream.avail_in = uInt(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = uInt(output.count)
                let status = deflate(&stream, Z_FINISH)
                precondition(status == Z_STREAM_END, "zlib cannot compress: \(status)")
                return output.count - Int(stream.avail_out)
            }
        }
    }
}
