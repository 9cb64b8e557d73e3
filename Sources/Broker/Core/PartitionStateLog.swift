import BrokerStorage
import KafkaProtocol

/// A state log in the log of a partition. On the broker's thread.
final class PartitionStateLog: StateLog {
    private let log: PartitionLog
    private let scheduler: any Scheduler
    /// An end of transaction is by the one coordinator there is.
    private static let coordinatorEpoch: Int32 = 0
    /// Bytes of a batch at most: what is appended is what a start reads again.
    static let maximumBatchBytes = 64 << 20

    init(_ log: PartitionLog, scheduler: any Scheduler) {
        self.log = log
        self.scheduler = scheduler
    }

    func append(_ records: [StateRecord], producer: StateProducer?) throws(ErrorCode) {
        let now = scheduler.wallClock
        var batch = RecordBatchBuilder(
            timestamp: now, producerID: producer?.id ?? -1, producerEpoch: producer?.epoch ?? -1, isTransactional: producer != nil)
        for record in records {
            batch.append(key: record.key, value: record.value, timestamp: now)
            guard batch.size <= Self.maximumBatchBytes else { throw .recordListTooLarge }
        }
        _ = try log.appendInternal(batch.finish(), now: now)
    }

    func appendMarker(_ producer: StateProducer, commit: Bool) throws(ErrorCode) {
        try log.endTransaction(
            producerID: producer.id, epoch: producer.epoch, commit: commit, coordinatorEpoch: Self.coordinatorEpoch,
            now: scheduler.wallClock)
    }

    func replay(_ body: (StateEntry) -> Void) throws(ErrorCode) {
        try log.forEachBatch(from: log.startOffset) { batch throws(ErrorCode) in
            let header = batch.header
            let producer = header.isTransactional ? StateProducer(id: header.producerID, epoch: header.producerEpoch) : nil
            do throws(BatchError) {
                if header.isControl {
                    guard let producer, let end = try ControlRecord(batch) else { return }
                    let isCommit = if case .commit = end { true } else { false }
                    return body(.marker(producer, commit: isCommit, offset: header.baseOffset))
                }
                for record in try batch.records(maximumBytes: Self.maximumBatchBytes) {
                    let state = StateRecord(key: Array(record.key ?? []), value: record.value.map { Array($0) })
                    body(.record(state, producer: producer, offset: record.offset, timestamp: record.timestamp))
                }
            } catch {
                throw error.code
            }
        }
    }
}
