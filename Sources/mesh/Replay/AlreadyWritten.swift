import Kafka

/// Which records an interrupted replay has written, told by what lies in its target.
///
/// Of each partition that is read the highest `window + 1` are kept. Since never more than `window` are on their way at once, everything below those is written.
struct AlreadyWritten {
    private struct Kept {
        var offsets: Set<Int64> = []
        /// Everything below is written.
        var floor = Int64.min
    }

    private let window: Int
    private var partitions: [TopicPartition: Kept] = [:]
    private(set) var count = 0

    init(window: Int) { self.window = window }

    /// Takes a header `mesh_replay_origin`, e.g. `code.committed[3]@10482`; anything else is passed over.
    mutating func take(_ origin: String) {
        if let (partition, offset) = TopicPartition.place(origin) { insert(partition, offset) }
    }

    mutating func insert(_ partition: TopicPartition, _ offset: Int64) {
        count += 1
        var kept = partitions[partition] ?? Kept()
        guard offset >= kept.floor else { return }
        kept.offsets.insert(offset)
        if kept.offsets.count > 4 * (window + 1) {
            let highest = kept.offsets.sorted().suffix(window + 1)
            kept.offsets = Set(highest)
            kept.floor = highest.first ?? kept.floor
        }
        partitions[partition] = kept
    }

    func contains(_ partition: TopicPartition, _ offset: Int64) -> Bool {
        guard let kept = partitions[partition] else { return false }
        return offset < kept.floor || kept.offsets.contains(offset)
    }
}

extension TopicPartition {
    /// Reads `code.committed[3]@10482`; nil for anything else.
    static func place(_ text: String) -> (TopicPartition, offset: Int64)? {
        guard let at = text.lastIndex(of: "@"), let offset = Int64(text[text.index(after: at)...]),
            let open = text[..<at].lastIndex(of: "["), text[..<at].last == "]",
            let partition = Int32(text[text.index(after: open)..<text.index(before: at)])
        else { return nil }
        return (TopicPartition(String(text[..<open]), partition), offset)
    }
}
