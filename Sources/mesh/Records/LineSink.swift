import Glibc

/// Standard output for many lines: gathers them and writes them together. Confined to one thread.
struct LineSink {
    private var buffer: [UInt8] = []
    private let descriptor: Int32
    /// The reader has gone away.
    private(set) var isClosed = false
    private static let portion = 64 << 10

    init(_ descriptor: Int32 = STDOUT_FILENO) {
        self.descriptor = descriptor
        buffer.reserveCapacity(Self.portion + 4096)
    }

    /// Takes one line without its end.
    mutating func line(_ bytes: some Sequence<UInt8>) {
        buffer.append(contentsOf: bytes)
        buffer.append(UInt8(ascii: "\n"))
        if buffer.count >= Self.portion { flush() }
    }

    /// Writes what was gathered. Blocks while the reader is slow.
    mutating func flush() {
        var written = 0
        while written < buffer.count, !isClosed {
            let count = buffer.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + written, $0.count - written) }
            if count >= 0 {
                written += count
            } else if errno == EAGAIN {
                var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = Glibc.poll(&poll, 1, 1000)
            } else if errno != EINTR {
                isClosed = true
            }
        }
        buffer.removeAll(keepingCapacity: true)
    }
}
