import CRdKafka

/// Transactions, for a producer with a transactional id. One thread calls these; all but `beginTransaction` block.
///
/// Errors are of three classes. `isRetriable`: call the same method again with the same arguments (a time-out is of this class; the call goes on where
/// it stood). `requiresAbort`: call `abortTransaction` and begin again. `isFatal` (a fenced producer among others): close the producer.
extension Producer {
    /// Once, before everything else: takes the transactional id over, and ends what its last owner left open.
    public func initTransactions(timeout: Duration) throws(KafkaError) {
        try checkOpen()
        try check(rd_kafka_init_transactions(handle.pointer, timeout.rdMilliseconds))
    }

    public func beginTransaction() throws(KafkaError) {
        try checkOpen()
        try check(rd_kafka_begin_transaction(handle.pointer))
    }

    /// Makes the offsets part of the transaction; they take effect with its commit. `group` fences a member that has lost its partitions.
    public func sendOffsets(
        _ offsets: [TopicPartition: CommittedOffset], group: GroupMetadata, timeout: Duration
    ) throws(KafkaError) {
        guard !offsets.isEmpty else { return }
        try checkOpen()
        var metadata: OpaquePointer?
        try check(group.bytes.withUnsafeBytes { rd_kafka_consumer_group_metadata_read(&metadata, $0.baseAddress, $0.count) })
        defer { rd_kafka_consumer_group_metadata_destroy(metadata) }
        let list = PartitionList(offsets)
        try check(rd_kafka_send_offsets_to_transaction(handle.pointer, list.pointer, metadata, timeout.rdMilliseconds))
    }

    /// Flushes and commits. Delivery reports of the records stay for `deliveries`.
    public func commitTransaction(timeout: Duration) throws(KafkaError) {
        try checkOpen()
        try check(rd_kafka_commit_transaction(handle.pointer, timeout.rdMilliseconds))
    }

    /// Gives the transaction up: its records stay invisible to read-committed consumers. Their reports come as failures.
    public func abortTransaction(timeout: Duration) throws(KafkaError) {
        try checkOpen()
        try check(rd_kafka_abort_transaction(handle.pointer, timeout.rdMilliseconds))
    }
}
