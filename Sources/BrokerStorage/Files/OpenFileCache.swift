import Glibc
import KafkaProtocol

/// Keeps the segment files open that were used lately, a bounded number of them. On the broker's thread.
final class OpenFileCache {
    private let limit: Int
    private var segments: [Segment] = []
    private var hand = 0

    init(limit: Int) { self.limit = max(4, limit) }

    var count: Int { segments.count }

    /// The segment's log file, opened for reading and writing, and made when it is not there.
    func use(_ segment: Segment) throws(StorageError) -> OpenFile {
        if let file = segment.openFile {
            segment.isRecentlyUsed = true
            return file
        }
        let file = try FileSystem.open(segment.path(.log), O_RDWR | O_CREAT)
        segment.openFile = file
        segment.isRecentlyUsed = true
        if segments.count < limit { segments.append(segment) } else { replaceOne(with: segment) }
        return file
    }

    /// The first one that was not used since the hand last came by gives way.
    private func replaceOne(with segment: Segment) {
        while segments[hand].isRecentlyUsed {
            segments[hand].isRecentlyUsed = false
            hand = (hand + 1) % segments.count
        }
        segments[hand].openFile = nil
        segments[hand] = segment
        hand = (hand + 1) % segments.count
    }

    /// Readers that have the file go on.
    func close(_ segment: Segment) {
        guard segment.openFile != nil else { return }
        segment.openFile = nil
        if let index = segments.firstIndex(where: { $0 === segment }) { segments.swapAt(index, segments.count - 1) }
        segments.removeLast()
        hand = segments.isEmpty ? 0 : hand % segments.count
    }
}
