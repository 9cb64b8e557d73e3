import KafkaProtocol

/// A compacted log that a part of the broker keeps its state in: topics, group offsets, transactions. What was appended last for a key holds; a record
/// without a value removes the key. On the broker's thread.
public protocol StateLog: AnyObject {
    /// Appends the records as one batch; all or none of them are kept.
    /// - Parameter producer: for records that count only when the producer's transaction commits.
    func append(_ records: [StateRecord], producer: StateProducer?) throws(ErrorCode)
    /// Appends the end of a producer's transaction.
    func appendMarker(_ producer: StateProducer, commit: Bool) throws(ErrorCode)
    /// All that is in the log, from its start. For the start of the broker.
    func replay(_ body: (StateEntry) -> Void) throws(ErrorCode)
}

extension StateLog {
    public func append(_ records: [StateRecord]) throws(ErrorCode) { try append(records, producer: nil) }
}

public struct StateRecord: Sendable, Equatable {
    public var key: [UInt8]
    public var value: [UInt8]?

    public init(key: [UInt8], value: [UInt8]?) {
        self.key = key
        self.value = value
    }
}

/// Whose transaction a record belongs to.
public struct StateProducer: Sendable, Hashable {
    public var id: Int64
    public var epoch: Int16

    public init(id: Int64, epoch: Int16) {
        self.id = id
        self.epoch = epoch
    }
}

public enum StateEntry: Sendable, Equatable {
    /// `timestamp` in milliseconds since 1970.
    case record(StateRecord, producer: StateProducer?, offset: Int64, timestamp: Int64)
    case marker(StateProducer, commit: Bool, offset: Int64)
}

/// When what was appended can be acknowledged. On the broker's thread.
public protocol Durability: AnyObject {
    /// Runs `action` as soon as all that was appended so far to the partitions is as safe as the flush policy asks: at once, or in strict mode after the next
    /// sync; with false when the disk failed, so that it may not be. Actions run in the order in which they came.
    func whenDurable(_ partitions: [TopicPartition], _ action: @escaping (_ isDurable: Bool) -> Void)
    /// Runs `action` after the next sync, whatever the flush policy is: for what is seldom and must not be taken back. In the default mode it can run after
    /// what was given to `whenDurable` later.
    func whenSynced(_ partitions: [TopicPartition], _ action: @escaping (_ isSynced: Bool) -> Void)
    /// Runs `action` when the start offsets of the partitions are on the disk, whatever the flush policy is.
    func whenStartsAreSynced(_ partitions: [TopicPartition], _ action: @escaping (_ isSynced: Bool) -> Void)
}
