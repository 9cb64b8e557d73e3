import KafkaProtocol

/// Offsets that were committed within transactions which have not ended. On the broker's thread.
struct PendingOffsets {
    typealias Offsets = [String: [TopicPartition: CommittedOffset]]

    /// By producer.
    private(set) var transactions: [Int64: Offsets] = [:]
    /// How many producers have an offset pending, by group.
    private var counts: [String: [TopicPartition: Int]] = [:]

    func isPending(_ group: String, _ partition: TopicPartition) -> Bool { counts[group]?[partition] != nil }
    func isPending(_ group: String) -> Bool { counts[group] != nil }

    func partitions(_ group: String) -> [TopicPartition] { counts[group].map { Array($0.keys) } ?? [] }

    mutating func add(_ producer: Int64, _ group: String, _ partition: TopicPartition, _ offset: CommittedOffset) {
        if transactions[producer, default: [:]][group, default: [:]].updateValue(offset, forKey: partition) == nil {
            counts[group, default: [:]][partition, default: 0] += 1
        }
    }

    /// The producer's transaction has ended: what was pending.
    mutating func end(_ producer: Int64) -> Offsets {
        guard let ended = transactions.removeValue(forKey: producer) else { return [:] }
        for (group, offsets) in ended {
            for partition in offsets.keys { release(group, partition) }
        }
        return ended
    }

    /// Forgets the offset in all open transactions.
    mutating func remove(_ group: String, _ partition: TopicPartition) {
        guard isPending(group, partition) else { return }
        for producer in Array(transactions.keys) {
            guard transactions[producer]?[group]?.removeValue(forKey: partition) != nil else { continue }
            if transactions[producer]?[group]?.isEmpty == true { transactions[producer]?[group] = nil }
            if transactions[producer]?.isEmpty == true { transactions[producer] = nil }
        }
        counts[group]?[partition] = nil
        if counts[group]?.isEmpty == true { counts[group] = nil }
    }

    private mutating func release(_ group: String, _ partition: TopicPartition) {
        guard let count = counts[group]?[partition] else { return }
        counts[group]?[partition] = count > 1 ? count - 1 : nil
        if counts[group]?.isEmpty == true { counts[group] = nil }
    }
}

/// The newest epoch that each producer was seen with, so that an older one is refused. On the broker's thread.
struct ProducerEpochs {
    private var entries: [Int64: (epoch: Int16, lastSeen: Int64)] = [:]

    func newest(_ producerID: Int64) -> Int16? { entries[producerID]?.epoch }

    /// Throws `invalidProducerEpoch` when a newer one is known.
    func check(_ producer: StateProducer) throws(ErrorCode) {
        if let known = entries[producer.id], producer.epoch < known.epoch { throw .invalidProducerEpoch }
    }

    /// - Parameter now: milliseconds since 1970.
    mutating func see(_ producer: StateProducer, now: Int64) {
        entries[producer.id] = (max(producer.epoch, entries[producer.id]?.epoch ?? producer.epoch), now)
    }

    /// Forgets those that were last seen before then, but for producers with something open.
    mutating func expire(before time: Int64, except isOpen: (Int64) -> Bool) {
        entries = entries.filter { $0.value.lastSeen >= time || isOpen($0.key) }
    }
}
