import BrokerStorage
import KafkaProtocol

/// The figures of a broker at one moment.
public struct BrokerStatistics: Sendable {
    public struct Partition: Sendable {
        public let topic: String
        public let number: Int32
        public let startOffset: Int64
        public let endOffset: Int64
        public let bytes: Int
        public let segments: Int
        /// It takes no more data until the broker is started again.
        public let isFailed: Bool
    }

    public let partitions: [Partition]
    public let topics: Int
    /// By state, in Kafka's names.
    public let groups: [String: Int]
    public let groupMembers: Int
    public let committedOffsets: Int
    /// Transactional ids by state, in Kafka's names.
    public let transactions: [String: Int]
    public let transactionsCommitted: Int
    public let transactionsAborted: Int
    public let transactionsTimedOut: Int
    public let connections: Int
    public let waitingFetches: Int
    public let recordsIn: Int
    public let bytesIn: Int
    public let bytesOut: Int
    /// What the log cleaner has done.
    public let cleaning: CleaningStatistics
}

extension BrokerNode {
    public func statistics() -> BrokerStatistics {
        let groups = groups.statistics()
        let transactions = transactions.statistics()
        return BrokerStatistics(
            partitions: store.logs.values.map { log in
                BrokerStatistics.Partition(
                    topic: log.partition.topic, number: log.partition.partition, startOffset: log.startOffset, endOffset: log.endOffset,
                    bytes: log.size, segments: log.segmentCount, isFailed: log.failure != nil)
            },
            topics: registry.topics.count,
            groups: Dictionary(uniqueKeysWithValues: groups.states.map { ("\($0.key)", $0.value) }), groupMembers: groups.members,
            committedOffsets: groups.offsets,
            transactions: Dictionary(uniqueKeysWithValues: transactions.states.map { ("\($0.key)", $0.value) }),
            transactionsCommitted: transactions.committed, transactionsAborted: transactions.aborted,
            transactionsTimedOut: transactions.timedOut, connections: server.connectionCount, waitingFetches: waiting.count,
            recordsIn: produce.recordsIn, bytesIn: produce.bytesIn, bytesOut: fetch.bytesOut, cleaning: store.cleaningStatistics)
    }

    /// Closes the connections of clients whose id begins so; how many they were. For tests.
    public func cutConnections(clientPrefix: String) -> Int { server.cut { $0.clientID.hasPrefix(clientPrefix) } }

    /// Cuts every file to a point between what is synced and its end, as a power cut would. The process has to end then, at once. For tests.
    public func cutUnsynced(seed: UInt64) {
        var generator = SplitMix(seed)
        store.cutUnsynced(using: &generator)
    }
}

/// Repeatable randomness: https://prng.di.unimi.it/splitmix64.c
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
