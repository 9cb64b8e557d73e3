import CRdKafka
import Glibc

/// The one owner of a librdkafka list of partitions.
struct PartitionList: ~Copyable {
    typealias Pointer = UnsafeMutablePointer<rd_kafka_topic_partition_list_t>
    let pointer: Pointer

    init(capacity: Int = 0) { pointer = rd_kafka_topic_partition_list_new(Int32(clamping: capacity)) }

    init(_ partitions: some Collection<TopicPartition>) {
        self.init(capacity: partitions.count)
        for partition in partitions { add(partition) }
    }

    init(_ offsets: [TopicPartition: Int64]) {
        self.init(capacity: offsets.count)
        for (partition, offset) in offsets { add(partition, offset: offset) }
    }

    init(_ offsets: [TopicPartition: CommittedOffset]) {
        self.init(capacity: offsets.count)
        for (partition, committed) in offsets { add(partition, offset: committed.offset, metadata: committed.metadata) }
    }

    /// Takes ownership of a list that librdkafka returned.
    init(owning pointer: Pointer) { self.pointer = pointer }

    deinit { rd_kafka_topic_partition_list_destroy(pointer) }

    borrowing func add(_ partition: TopicPartition, offset: Int64 = Int64(RD_KAFKA_OFFSET_INVALID), metadata: String = "") {
        let element = rd_kafka_topic_partition_list_add(pointer, partition.topic, partition.partition)!
        element.pointee.offset = offset
        guard !metadata.isEmpty else { return }
        // The list frees it with free().
        element.pointee.metadata = UnsafeMutableRawPointer(strdup(metadata))
        element.pointee.metadata_size = strlen(element.pointee.metadata.assumingMemoryBound(to: CChar.self))
    }

    var elements: UnsafeMutableBufferPointer<rd_kafka_topic_partition_t> { Self.elements(of: pointer) }

    static func elements(of pointer: UnsafePointer<rd_kafka_topic_partition_list_t>?) -> UnsafeMutableBufferPointer<
        rd_kafka_topic_partition_t
    > {
        UnsafeMutableBufferPointer(start: pointer?.pointee.elems, count: Int(pointer?.pointee.cnt ?? 0))
    }

    var partitions: [TopicPartition] { elements.map(\.topicPartition) }

    /// Throws the first element's error, naming its partition.
    borrowing func checkElements() throws(KafkaError) { try Self.checkElements(of: pointer) }

    static func checkElements(of pointer: UnsafePointer<rd_kafka_topic_partition_list_t>?) throws(KafkaError) {
        for element in elements(of: pointer) { try check(element.err, element.topicPartition.description) }
    }
}

extension rd_kafka_topic_partition_t {
    var topicPartition: TopicPartition { TopicPartition(topic: String(cString: topic), partition: partition) }

    /// nil where nothing is committed.
    var committed: CommittedOffset? {
        guard offset >= 0 else { return nil }
        let bytes = UnsafeRawBufferPointer(start: metadata, count: metadata == nil ? 0 : metadata_size)
        return CommittedOffset(offset: offset, metadata: String(decoding: bytes, as: UTF8.self))
    }
}
