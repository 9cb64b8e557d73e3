import Envelopes
import Kafka
import Telemetry

/// The settle thread: makes one batch at a time visible, with its offsets in one transaction or, at-least-once, with an idempotent producer.
final class Settler: Sendable {
    struct Work: Sendable {
        let batch: SettleBatch
        let group: GroupMetadata?
    }

    private let queue = BlockingQueue<Work>()

    /// Starts the thread.
    init(client: ClientSettings, settings: RuntimeSettings, mailbox: Mailbox, logger: Logger) {
        let queue = queue
        DedicatedThread.start(name: "settle") {
            var worker = SettleWorker(client: client, settings: settings, mailbox: mailbox, logger: logger) { queue.isOver }
            worker.connect()
            while true {
                switch queue.take(limit: .seconds(60)) {
                case .element(let work): mailbox.put(.settled(work.batch.id, worker.settle(work)))
                case .nothing: worker.rest()
                case .closed:
                    worker.close()
                    return
                }
            }
        }
    }

    func submit(_ batch: SettleBatch, group: GroupMetadata?) { queue.put(Work(batch: batch, group: group)) }
    func close() { queue.close() }
}

/// Confined to the settle thread.
private struct SettleWorker {
    let client: ClientSettings
    let settings: RuntimeSettings
    let mailbox: Mailbox
    let logger: Logger
    /// Whether the process ends: what is not settled by now is left to the next.
    let isEnding: @Sendable () -> Bool
    private var current: (producer: Producer, settings: ProducerSettings)?
    private var isTransactional: Bool { settings.delivery == .exactlyOnce }
    private var size = BatchSize()
    /// When producers of this slot were fenced, in milliseconds of the monotonic clock.
    private var fenced: [Int64] = []
    private var timeLimit = TransactionLimit()

    /// For one call of the transaction's protocol; it is repeated.
    private static let callLimit: Duration = .seconds(15)
    /// Longer than the producer's own limit, after which each record has been delivered or has failed.
    private static let deliveryLimit: Duration = .seconds(25)
    /// So often within a minute, and another process surely runs in this slot.
    private static let mostFenced = 3

    init(client: ClientSettings, settings: RuntimeSettings, mailbox: Mailbox, logger: Logger, isEnding: @escaping @Sendable () -> Bool) {
        self.client = client
        self.settings = settings
        self.mailbox = mailbox
        self.logger = logger
        self.isEnding = isEnding
    }

    /// Makes the producer ahead of the first batch: the first transaction is the slow one.
    mutating func connect() {
        do throws(KafkaError) {
            _ = try ready()
        } catch {
            logger.warn("the producer is not ready yet: \(error)")
        }
    }

    /// Nothing came for a while: what librdkafka has to say, of a broker that is away above all, is fetched, or it would pile up.
    func rest() { _ = current?.producer.deliveries() }

    mutating func close() {
        if let producer = current?.producer { producer.close(timeout: .seconds(3)) }
        current = nil
    }

    /// What the next producer is to be like: the limit and the size change with what is learnt.
    private var wanted: ProducerSettings {
        ProducerSettings(
            transactionalID: isTransactional ? settings.transactionalID : nil, transactionTimeout: .milliseconds(timeLimit.next),
            linger: .milliseconds(isTransactional ? 0 : 2), deliveryTimeout: .seconds(20), maximumBatchBytes: size.bytes,
            keepsOnlyFailures: true)
    }

    /// The producer that there is, or another one where that is dead or not what is wanted by now.
    private mutating func ready() throws(KafkaError) -> Producer {
        let wanted = wanted
        if let current, current.settings == wanted, current.producer.fatalError == nil { return current.producer }
        drop()
        let made: Producer
        do throws(SettingsError) {
            made = try Producer(client, wanted, observer: .logging(logger))
        } catch {
            throw KafkaError(code: -1, name: "_SETTINGS", message: error.description)
        }
        if isTransactional {
            do throws(KafkaError) {
                try repeating { () throws(KafkaError) in try made.initTransactions(timeout: Self.callLimit) }
            } catch {
                made.close(timeout: .seconds(1))
                throw error
            }
        }
        current = (made, wanted)
        return made
    }

    private mutating func drop() {
        guard let old = current?.producer else { return }
        current = nil
        old.close(timeout: .seconds(2))
    }

    mutating func settle(_ work: Settler.Work) -> SettleOutcome {
        size.grow(at: Moment.current.uptime)
        do throws(KafkaError) {
            let producer = try ready()
            return isTransactional ? transact(work, producer) : deliver(work, producer)
        } catch {
            return failed(error)
        }
    }

    private mutating func transact(_ work: Settler.Work, _ producer: Producer) -> SettleOutcome {
        _ = producer.deliveries()
        var unsent: Unwritten?
        var failures: [Delivery] = []
        do throws(KafkaError) {
            try producer.beginTransaction()
            timeLimit.began(bytes: work.batch.bytes, at: Moment.current.uptime)
            unsent = send(work.batch, producer) { _, _ in true }
            if let unsent { throw unsent.error }
            if !work.batch.offsets.isEmpty {
                guard let group = work.group else { throw KafkaError(code: -1, name: "_STATE", message: "no group to commit offsets for") }
                try repeating { () throws(KafkaError) in
                    try producer.sendOffsets(work.batch.offsets, group: group, timeout: Self.callLimit)
                }
            }
            try flush(producer, &failures)
            try commit(producer)
            timeLimit.committed(at: Moment.current.uptime)
            return .committed
        } catch {
            let failedAt = Moment.current.uptime
            failures += producer.deliveries()
            if !error.isFatal, producer.fatalError == nil {
                do throws(KafkaError) {
                    try repeating { () throws(KafkaError) in try producer.abortTransaction(timeout: Self.callLimit) }
                } catch {
                    logger.warn("a transaction could not be aborted: \(error); a new producer is made")
                    drop()
                }
            }
            return failed(error, unsent.map { [$0] } ?? [], failures, at: failedAt)
        }
    }

    /// Hands over the records that `wants` takes; comes back with the one that the producer did not take.
    private func send(_ batch: SettleBatch, _ producer: Producer, _ wants: (BatchPlace, Produced) -> Bool) -> Unwritten? {
        for (item, records) in batch.records.enumerated() {
            for (number, record) in records.enumerated() {
                let place = BatchPlace(item: item, record: number)
                guard wants(place, record) else { continue }
                do throws(KafkaError) {
                    try producer.send(record, token: place.token, patience: .seconds(5))
                } catch {
                    return Unwritten(item: item, topic: record.topic, error: error)
                }
            }
        }
        return nil
    }

    /// Waits until each record is delivered or has failed; `failures` gets those that have, so far. Where some have, librdkafka 2.0.2 now and then keeps others without
    /// sending them, until they are as old as the transaction may be, and a commit would wait for these: they have a second.
    private func flush(_ producer: Producer, _ failures: inout [Delivery]) throws(KafkaError) {
        var end = Int64.max
        while true {
            do throws(KafkaError) {
                return try producer.flush(timeout: .milliseconds(100))
            } catch {
                guard error.isTimeout else { throw error }
            }
            failures += producer.deliveries()
            guard let error = failures.first?.error else { continue }
            end = min(end, Moment.current.uptime + Self.patience)
            if Moment.current.uptime >= end { throw error }
        }
    }

    /// In milliseconds.
    private static let patience: Int64 = 1_000

    /// For as long as it takes: given up with its outcome unknown it might be visible, and its results would be produced a second time.
    private func commit(_ producer: Producer) throws(KafkaError) {
        try repeating(for: .max) { () throws(KafkaError) in
            do throws(KafkaError) {
                try producer.commitTransaction(timeout: Self.callLimit)
            } catch {
                if error.isRetriable { logger.warn("whether a transaction is committed is not known yet: \(error); asked again") }
                throw error
            }
        }
    }

    /// What goes to the state topic says that the rest of its item is visible, as a step's journal does, and so goes when it is: whoever has the partition next
    /// must not take for visible what never was.
    private mutating func deliver(_ work: Settler.Work, _ producer: Producer) -> SettleOutcome {
        _ = producer.deliveries()
        let stateTopic = settings.topics.state
        var handover = Handover()
        var hasState = false
        do throws(KafkaError) {
            try hand(work.batch, to: producer, &handover.results) { _, record in
                let isState = record.isOf(stateTopic)
                hasState = hasState || isState
                return !isState
            }
            if hasState {
                let results = handover.results
                try hand(work.batch, to: producer, &handover.state) { place, record in
                    record.isOf(stateTopic) && !results.lacks(place.item)
                }
            }
            guard let error = handover.error else { return .committed }
            return failed(error, handover.unsent, handover.failures, handover)
        } catch {
            // What it has to tell of these yet must not be taken for news of others.
            drop()
            return failed(error, handover.unsent, handover.failures, handover)
        }
    }

    /// Hands over the records that `wants` takes, and waits until each was delivered or has failed.
    private func hand(
        _ batch: SettleBatch, to producer: Producer, _ part: inout Handover.Part, _ wants: (BatchPlace, Produced) -> Bool
    ) throws(KafkaError) {
        let unsent = send(batch, producer) { place, record in
            guard wants(place, record) else { return false }
            part.add(place)
            return true
        }
        if let unsent { part.refused(unsent) }
        try producer.flush(timeout: Self.deliveryLimit)
        part.end(producer.deliveries())
    }

    /// Repeats a call of the transaction's protocol while that is what the error asks for, for at most so many milliseconds.
    private func repeating(for limit: Int64 = 30_000, _ body: () throws(KafkaError) -> Void) throws(KafkaError) {
        let start = Moment.current.uptime
        while true {
            do throws(KafkaError) {
                return try body()
            } catch {
                guard error.isRetriable, !error.requiresAbort, !error.isFatal, !isEnding(), Moment.current.uptime - start < limit else {
                    throw error
                }
                // librdkafka waits inside the call; an error that comes at once must not spin.
                Pause.milliseconds(50)
            }
        }
    }

    /// - Parameters:
    ///   - unsent: what the producer did not take.
    ///   - failures: reports of records that were not delivered.
    ///   - handover: what was delivered all the same; nil: nothing.
    ///   - uptime: when, in milliseconds of the monotonic clock; an abort may have taken long since.
    private mutating func failed(
        _ error: KafkaError, _ unsent: [Unwritten] = [], _ failures: [Delivery] = [], _ handover: Handover? = nil,
        at uptime: Int64 = Moment.current.uptime
    ) -> SettleOutcome {
        var unwritten = unsent
        let tooLarge = Dictionary(grouping: failures.filter { $0.error?.isRecordTooLarge ?? false }, by: \.topicPartition)
        // Of several that failed together nobody knows which is at fault.
        let crowded = size.isAlone ? [:] : tooLarge.filter { $0.value.count > 1 }
        for failure in failures {
            guard let error = failure.error, !error.isRecordTooLarge || crowded[failure.topicPartition] == nil else { continue }
            unwritten.append(Unwritten(item: BatchPlace(token: failure.token).item, topic: failure.topicPartition.topic, error: error))
        }
        if !tooLarge.isEmpty { size.judged(at: uptime) }
        if let (partition, refused) = crowded.first {
            size.shrink(at: uptime)
            logger.warn("\(partition) refuses \(refused.count) records together for their size: fewer go together from now on")
        }
        let cause = SettleTrouble.cause(crowded.values.first?.first?.error ?? error, unwritten)
        noteFailure(error, at: uptime)
        return .failure(
            SettleFailure(
                error: cause, unwritten: unwritten, delivered: handover?.delivered ?? [:], lastBegun: handover?.results.lastBegun,
                unknown: handover?.results.unknown ?? 0,
                isAnotherWay: !crowded.isEmpty))
    }

    private mutating func noteFailure(_ error: KafkaError, at now: Int64) {
        // Of a fenced one the producer itself may not know it yet: only the call's error says so.
        if error.isFatal || current?.producer.fatalError != nil { drop() }
        let (isOver, isLonger) = timeLimit.failed(isTimeout: error.isTimeout, at: now)
        if isLonger { logger.warn("a settlement took longer than its limit; the next ones have \(timeLimit.next / 1_000) s") }
        if error.isFenced, !isOver {
            fenced = fenced.filter { now - $0 < 60_000 } + [now]
            if fenced.count >= Self.mostFenced {
                mailbox.put(
                    .fatal(
                        "another process runs as \(settings.instance) (transactional id \(settings.transactionalID)): give each replica its own --replica"
                    ))
            }
        }
    }
}
