import CSystem
import Glibc
import KafkaProtocol

/// What waits to be sent on a connection. Bytes go out with one call for many parts; stretches of files go from the page cache to the socket.
struct FrameWriter {
    enum Outcome: Equatable {
        case sent
        /// The other side does not read as fast.
        case later
        case failed
    }

    private var parts: [MessageWriter.Part] = []
    /// The first part that is not sent whole, and how much of it is.
    private var current = 0
    private var offset = 0

    var isEmpty: Bool { current == parts.count }

    mutating func add(_ more: [MessageWriter.Part]) {
        if isEmpty {
            parts = more
            current = 0
            offset = 0
        } else {
            parts += more
        }
    }

    /// Sends as much as the socket takes.
    mutating func send(_ descriptor: Int32) -> Outcome {
        while !isEmpty {
            let part = parts[current]
            guard offset < part.count else {
                current += 1
                offset = 0
                continue
            }
            let sent = send(part, isLast: current + 1 == parts.count, descriptor)
            if sent > 0 {
                offset += sent
            } else if sent < 0, errno == EAGAIN {
                return .later
            } else if sent == 0 || errno != EINTR {
                return .failed
            }
        }
        parts = []
        current = 0
        return .sent
    }

    private func send(_ part: MessageWriter.Part, isLast: Bool, _ descriptor: Int32) -> Int {
        switch part {
        case .bytes(let bytes):
            // The kernel waits with a short packet when more follows.
            let flags = Int32(MSG_NOSIGNAL) | (isLast ? 0 : Int32(MSG_MORE))
            return bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress! + offset, $0.count - offset, flags) }
        case .file(let region):
            var position = off_t(region.position + offset)
            // 0 says that the file is shorter than it was when the answer was made: the frame cannot be finished.
            return sendfile(descriptor, region.file.descriptor, &position, region.count - offset)
        }
    }
}
