import Glibc

/// The record batches in a request or an answer.
public enum RecordData: Sendable {
    case null
    /// A part of the frame that they came in, or bytes made here.
    case bytes(ArraySlice<UInt8>)
    /// A part of a segment file, sent without a copy.
    case file(FileRegion)

    public init() { self = .null }

    public var count: Int {
        switch self {
        case .null: 0
        case .bytes(let bytes): bytes.count
        case .file(let region): region.count
        }
    }
}

/// A stretch of a file that stays readable as long as this value lives, also when the file is removed meanwhile.
public struct FileRegion: Sendable {
    public let file: OpenFile
    public let position: Int
    public let count: Int

    public init(file: OpenFile, position: Int, count: Int) {
        self.file = file
        self.position = position
        self.count = count
    }

    /// What stands there; shorter than `count` when the file is. Throws errno as a `WireError`.
    public func bytes() throws(WireError) -> [UInt8] {
        var filled = 0
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
            while filled < count {
                let read = pread(file.descriptor, buffer.baseAddress! + filled, count - filled, position + filled)
                if read < 0 && errno == EINTR { continue }
                if read < 0 { failure = errno }
                if read <= 0 { break }
                filled += read
            }
            used = filled
        }
        guard failure == 0 else { throw WireError("cannot read the file: \(String(cString: strerror(failure)))", at: position + filled) }
        return bytes
    }
}

/// An open file; closed when nobody has it any more.
public final class OpenFile: Sendable {
    public let descriptor: Int32

    /// Takes the descriptor over.
    public init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }
}
