/// Decompresses in steps, so that no more is made than is asked for.
protocol Decompressor: AnyObject {
    /// For errors.
    static var name: String { get }

    /// Reads from `input` and fills `output` as far as it can; `isAtEnd` when a whole frame has been read.
    func step(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) throws(BatchError) -> (
        read: Int, written: Int, isAtEnd: Bool
    )
}

/// How much one step can make, in bytes.
private let chunkSize = 64 * 1024

extension Decompressor {
    /// Reads all frames in `bytes`. Takes at most twice `maximumBytes` of memory, and 64 KiB.
    func decompress(_ bytes: ArraySlice<UInt8>, maximumBytes: Int) throws(BatchError) -> [UInt8] {
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: chunkSize)
        var rest = bytes
        var isAtEnd = rest.isEmpty
        while !rest.isEmpty || !isAtEnd {
            let done = try chunk.withUnsafeMutableBufferPointer { (output) throws(BatchError) in
                try rest.withBytes { (input) throws(BatchError) in try step(input, UnsafeMutableRawBufferPointer(output)) }
            }
            guard done.read > 0 || done.written > 0 else { throw .cannotDecompress(Self.name, "they end too early") }
            guard result.count + done.written <= maximumBytes else { throw .tooLarge(maximumBytes) }
            result += chunk.prefix(done.written)
            rest = rest.dropFirst(done.read)
            isAtEnd = done.isAtEnd
        }
        return result
    }
}

extension [UInt8] {
    /// Lets a codec write into at most `capacity` bytes; it returns how many it wrote.
    static func filled(capacity: Int, _ write: (UnsafeMutableBufferPointer<UInt8>) -> Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in count = write(buffer) }
    }
}
