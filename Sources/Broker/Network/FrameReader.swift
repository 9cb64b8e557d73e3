import Glibc

/// Cuts what comes in on a connection into frames: four bytes of size, then so many bytes. What is not asked for yet stays where it came in.
struct FrameReader {
    enum Outcome: Equatable {
        case frame([UInt8])
        /// Nothing more to read at the moment.
        case later
        case closed
        /// No request can be so long.
        case badSize(Int32)
    }

    /// A frame gets this much memory at once, and more only as its bytes come in.
    private static let firstPiece = 1 << 20

    /// In bytes, of the frames that begin from now on.
    var maximumSize: Int
    private var frame: [UInt8] = []
    /// The bytes of `frame` that have come in.
    private var filled = 0
    /// nil before the size has come in.
    private var size: Int?
    /// What came in with an earlier frame.
    private var rest: ArraySlice<UInt8> = []

    init(maximumSize: Int) { self.maximumSize = maximumSize }

    /// Whether all of the next frame has come in with the one before.
    var hasFrame: Bool { size == nil && rest.count >= 4 && Int(nextSize) <= rest.count - 4 }
    private var nextSize: Int32 { rest.prefix(4).reduce(Int32(0)) { $0 << 8 | Int32($1) } }

    /// The next frame. `scratch` is shared by all connections; nothing of one stays in it.
    mutating func next(_ descriptor: Int32, scratch: UnsafeMutableRawBufferPointer) -> Outcome {
        while true {
            if let outcome = takeRest() { return outcome }
            let isDirect = size.map { $0 - filled >= scratch.count } ?? false
            let count = isDirect ? receiveIntoFrame(descriptor) : recv(descriptor, scratch.baseAddress, scratch.count, 0)
            if count == 0 { return .closed }
            if count < 0 {
                if errno == EINTR { continue }
                return errno == EAGAIN ? .later : .closed
            }
            // Up to three bytes of a size may be waiting for the fourth.
            if !isDirect { rest = rest + UnsafeRawBufferPointer(scratch)[..<count] }
        }
    }

    /// Moves what is waiting into the frame; an outcome when it is whole, or wrong.
    private mutating func takeRest() -> Outcome? {
        if size == nil {
            guard rest.count >= 4 else { return nil }
            let value = nextSize
            guard value > 0, Int(value) <= maximumSize else { return .badSize(value) }
            rest = rest.dropFirst(4)
            size = Int(value)
            // Not filled with zeros: nobody sees the frame before all of it has come in.
            frame = [UInt8](unsafeUninitializedCapacity: min(Int(value), Self.firstPiece)) { $1 = $0.count }
            filled = 0
        }
        guard let size else { return nil }
        while !rest.isEmpty, filled < size {
            growFrame(size)
            let count = min(rest.count, frame.count - filled)
            frame.replaceSubrange(filled..<filled + count, with: rest.prefix(count))
            filled += count
            rest = rest.dropFirst(count)
        }
        guard filled == size else { return nil }
        defer {
            self.size = nil
            frame = []
        }
        return .frame(frame)
    }

    private mutating func growFrame(_ size: Int) {
        guard filled == frame.count else { return }
        frame.append(contentsOf: repeatElement(0, count: min(size - frame.count, frame.count)))
    }

    private mutating func receiveIntoFrame(_ descriptor: Int32) -> Int {
        guard let size else { return 0 }
        growFrame(size)
        let start = filled
        let count = frame.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress! + start, $0.count - start, 0) }
        if count > 0 { filled += count }
        return count
    }
}
