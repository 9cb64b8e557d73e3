import CRdKafka

/// Records as librdkafka handed them out, not read into Swift yet. Reading is a good part of a consumer's work, and can be done on another thread.
///
/// Sendable although it changes: it is handed from one thread to the next and never used by two at once. It must be gone before its consumer is closed.
public final class FetchedRecords: @unchecked Sendable {
    private var messages: [UnsafeMutablePointer<rd_kafka_message_t>] = []

    public init() {}

    deinit { for message in messages { rd_kafka_message_destroy(message) } }

    public var count: Int { messages.count }
    /// Of keys and values.
    public private(set) var bytes = 0

    func append(_ message: UnsafeMutablePointer<rd_kafka_message_t>) {
        messages.append(message)
        bytes += message.pointee.len + message.pointee.key_len
    }

    /// Drops the records of these partitions.
    public func remove(_ partitions: Set<TopicPartition>) {
        var names = TopicNames()
        var kept: [UnsafeMutablePointer<rd_kafka_message_t>] = []
        for message in messages {
            if partitions.contains(TopicPartition(names.name(of: message.pointee.rkt), message.pointee.partition)) {
                bytes -= message.pointee.len + message.pointee.key_len
                rd_kafka_message_destroy(message)
            } else {
                kept.append(message)
            }
        }
        messages = kept
    }

    /// Reads the records in their order, as long as nobody says that it is over; afterwards it is empty.
    public func read(until isOver: () -> Bool = { false }, _ body: (consuming Record) -> Void) {
        var names = TopicNames()
        for message in messages {
            if !isOver() { body(Record(reading: message, names: &names)) }
            rd_kafka_message_destroy(message)
        }
        messages.removeAll(keepingCapacity: true)
        bytes = 0
    }
}
