import KafkaProtocol

/// Leads the transactions of all producers, as Kafka 3.9 does for clients of transactions version 1. On the broker's thread.
///
/// A transaction ends in three steps: the decision is in the log and durable; the markers are in all partitions and durable, then the producer is
/// answered; the log says that it is complete. After a crash whatever step was reached last is where it goes on.
final class TransactionCoordinator {
    typealias Producer = TransactionMetadata.Producer
    typealias Wait = ([TopicPartition], @escaping (_ isDurable: Bool) -> Void) -> Void
    /// What stands for the offsets of all groups.
    static let offsetsPartition = TopicPartition.consumerOffsets

    /// A transactional id in memory.
    final class Transaction {
        let id: String
        /// What is durable in the log.
        var metadata: TransactionMetadata
        /// What it is becoming; others have to wait until it is.
        var pending: TransactionState?
        /// Partitions without their marker, while the state is a prepared one.
        var unmarked: Set<TopicPartition> = []
        /// Decided before the start, and completed after it.
        var isResumed = false
        /// Of the time-out or of the next attempt.
        var timer: TimerID?
        /// In a row that failed.
        var failures = 0

        init(id: String, metadata: TransactionMetadata) {
            self.id = id
            self.metadata = metadata
        }
    }

    /// What a partition holds of a transaction without an end.
    struct OpenTransaction: Equatable {
        var partition: TopicPartition
        var producer: Producer
        var firstOffset: Int64
    }

    let settings: TransactionSettings
    let log: any StateLog
    let durability: any Durability
    let scheduler: any Scheduler
    let authorizer: any Authorizer
    let participants: any TransactionParticipants
    let report: (TransactionNotice) -> Void
    private var producerIDs: ProducerIDs
    private(set) var transactions: [String: Transaction] = [:]
    private(set) var byProducer: [Int64: Transaction] = [:]
    /// What `abortOrphans` could not abort yet.
    var orphans: [OpenTransaction] = []
    var counts = TransactionStatistics()

    init(
        log: any StateLog, durability: any Durability, scheduler: any Scheduler, authorizer: any Authorizer,
        participants: any TransactionParticipants, settings: TransactionSettings = TransactionSettings(),
        report: @escaping (TransactionNotice) -> Void = { _ in }
    ) {
        self.log = log
        self.durability = durability
        self.scheduler = scheduler
        self.authorizer = authorizer
        self.participants = participants
        self.settings = settings
        self.report = report
        producerIDs = ProducerIDs(block: settings.producerIDBlock)
    }

    /// Gives a producer its id and epoch, once they are durable. Without a transactional id they are new.
    /// - Parameter expected: who the producer was until now, when it goes on after an error (KIP-360).
    func initialize(
        _ id: String?, timeoutMs: Int32, expected: Producer?, reply: @escaping (Result<Producer, ErrorCode>) -> Void
    ) {
        do throws(ErrorCode) {
            guard let id else {
                let producer = Producer(id: try takeProducerID(), epoch: 0)
                return durability.whenDurable([.transactionState]) { isDurable in
                    reply(isDurable ? .success(producer) : .failure(Self.noProducerID))
                }
            }
            guard !id.isEmpty, id.utf8.count <= Int(Int16.max) else { throw .invalidRequest }
            guard timeoutMs > 0, timeoutMs <= settings.maximumTimeoutMs else { throw .invalidTransactionTimeout }
            let transaction = try transaction(id, timeoutMs: timeoutMs)
            guard transaction.pending == nil else { throw .concurrentTransactions }
            try initialize(transaction, timeoutMs: timeoutMs, expected: expected, reply: reply)
        } catch {
            reply(.failure(error))
        }
    }

    private func initialize(
        _ transaction: Transaction, timeoutMs: Int32, expected: Producer?, reply: @escaping (Result<Producer, ErrorCode>) -> Void
    ) throws(ErrorCode) {
        let next: TransactionMetadata
        switch transaction.metadata.initialized(timeoutMs: timeoutMs, expected: expected, now: scheduler.wallClock) {
        case .refused(let error): throw error
        case .abort(let fenced):
            // Answered when the abort is decided: the producer asks again, and then gets an epoch above the one that only fences.
            return end(transaction, as: fenced) { error in reply(.failure(error == .none ? .concurrentTransactions : error)) }
        case .newProducerID(let recordsEpoch):
            let id = try takeProducerID()
            next = transaction.metadata.rotated(to: id, timeoutMs: timeoutMs, recordsEpoch: recordsEpoch, now: scheduler.wallClock)
        case .next(let metadata): next = metadata
        }
        transactions[transaction.id] = transaction
        // An epoch that is taken back could be given twice.
        transit(transaction, to: next, when: durability.whenSynced) { [self] error in
            // An id that never came into the log is not known.
            if error != .none, transaction.metadata.producerEpoch == -1 { forget(transaction) }
            reply(error == .none ? .success(Producer(id: next.producerID, epoch: next.producerEpoch)) : .failure(error))
        }
    }

    private func takeProducerID() throws(ErrorCode) -> Int64 {
        do { return try producerIDs.take(log) } catch { throw Self.noProducerID }
    }

    /// Only this error is retried by all clients, those without a transactional id too, which have no coordinator to look for.
    private static let noProducerID = ErrorCode.coordinatorLoadInProgress

    /// The one that is known, or a new one, which is not known yet.
    private func transaction(_ id: String, timeoutMs: Int32) throws(ErrorCode) -> Transaction {
        if let transaction = transactions[id] { return transaction }
        guard transactions.count < settings.maximumIDs else { throw .policyViolation }
        let metadata = TransactionMetadata(producerID: try takeProducerID(), timeoutMs: timeoutMs, updateTimestamp: scheduler.wallClock)
        return Transaction(id: id, metadata: metadata)
    }

    /// Makes the partitions a part of the producer's transaction, which begins if there is none. Replies `none` or an error.
    func add(_ partitions: Set<TopicPartition>, to id: String, producer: Producer, reply: @escaping (ErrorCode) -> Void) {
        do throws(ErrorCode) {
            let transaction = try known(id, producer)
            // Its records would end with those.
            if partitions.contains(where: { isOrphaned($0, producer.id) }) { throw .concurrentTransactions }
            guard let next = try transaction.metadata.adding(partitions, producer: producer, now: scheduler.wallClock) else {
                return reply(.none)
            }
            transit(transaction, to: next, then: reply)
        } catch {
            reply(error)
        }
    }

    /// Commits or aborts the producer's transaction. Replies `none` when its end is durable in all partitions, `concurrentTransactions` when that takes longer:
    /// the producer asks again.
    func end(_ id: String, producer: Producer, commit: Bool, reply: @escaping (ErrorCode) -> Void) {
        do throws(ErrorCode) {
            let transaction = try known(id, producer)
            guard let next = try transaction.metadata.ending(commit: commit, producer: producer, now: scheduler.wallClock) else {
                return reply(.none)
            }
            var reply = Optional(reply)
            let answer = { (error: ErrorCode) in
                reply?(error)
                reply = nil
            }
            end(transaction, as: next, decided: { if $0 != .none { answer($0) } }, ended: answer)
        } catch {
            reply(error)
        }
    }

    private func known(_ id: String, _ producer: Producer) throws(ErrorCode) -> Transaction {
        guard !id.isEmpty else { throw .invalidRequest }
        guard let transaction = transactions[id], transaction.metadata.producerEpoch != -1 else { throw .invalidProducerIDMapping }
        try transaction.metadata.check(producer)
        guard transaction.pending == nil else { throw .concurrentTransactions }
        return transaction
    }

    /// Appends what the transaction becomes. It has become that when `then` is told `none`; with an error it is what it was.
    /// - Parameter durable: what to wait for; by default what the flush policy asks.
    func transit(
        _ transaction: Transaction, to next: TransactionMetadata, when durable: Wait? = nil,
        then: @escaping (ErrorCode) -> Void
    ) {
        do throws(ErrorCode) {
            try log.append([TransactionLogRecord.transaction(transaction.id, next)])
        } catch {
            return then(Self.answer(error))
        }
        transaction.pending = next.state
        (durable ?? durability.whenDurable)([.transactionState]) { [self] isDurable in
            transaction.pending = nil
            guard isDurable else { return then(Self.answer(.kafkaStorageError)) }
            apply(next, to: transaction)
            then(.none)
        }
    }

    /// What a producer is told, so that it tries again, when the log takes nothing.
    private static func answer(_ error: ErrorCode) -> ErrorCode {
        error == .messageTooLarge || error == .recordListTooLarge ? .unknownServerError : .coordinatorNotAvailable
    }

    func apply(_ next: TransactionMetadata, to transaction: Transaction) {
        let before = transaction.metadata
        transaction.metadata = next
        if before.producerID != next.producerID { byProducer[before.producerID] = nil }
        byProducer[next.producerID] = transaction
        transaction.failures = 0
        if next.state == .ongoing {
            if before.state != .ongoing { watch(transaction, after: Int64(next.timeoutMs)) }
        } else {
            setTimer(transaction, nil)
        }
    }

    func forget(_ transaction: Transaction) {
        transactions[transaction.id] = nil
        if byProducer[transaction.metadata.producerID] === transaction { byProducer[transaction.metadata.producerID] = nil }
    }

    /// Takes over what the log held at the start.
    func adopt(_ found: [String: TransactionMetadata], producerIDsFrom next: Int64) {
        producerIDs.skip(to: next)
        for (id, metadata) in found {
            let transaction = Transaction(id: id, metadata: metadata)
            transactions[id] = transaction
            byProducer[metadata.producerID] = transaction
        }
    }
}
