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
        OwnThread.start("settle") {
            var worker = SettleWorker(client: client, settings: settings, mailbox: mailbox, logger: logger) { queue.isOver }
            worker.connect()
            while true {
                switch queue.take(limit: .seconds(60)) {
                case .element(let work): mailbox.put(.settled(work.batch.id, worker.settle(work)))
                case .nothing: continue
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
    private var producer: Producer?
    private var isTransactional: Bool { settings.delivery == .exactlyOnce }
    /// When producers of this slot were fenced, in milliseconds of the monotonic clock.
    private var fenced: [Int64] = []
    private var timeLimit = TransactionLimit()

    private static let limit: Duration = .seconds(15)
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

    mutating func close() {
        if let producer { producer.close(timeout: .seconds(3)) }
        producer = nil
    }

    private mutating func ready() throws(KafkaError) -> Producer {
        if let producer, producer.fatalError == nil, !timeLimit.isNew { return producer }
        drop()
        timeLimit.wasTaken()
        let made: Producer
        do throws(SettingsError) {
            made = try Producer(
                client,
                ProducerSettings(
                    transactionalID: isTransactional ? settings.transactionalID : nil,
                    transactionTimeout: .milliseconds(timeLimit.next), linger: .milliseconds(isTransactional ? 0 : 2),
                    deliveryTimeout: .seconds(20), keepsOnlyFailures: true), observer: .logging(logger))
        } catch {
            throw KafkaError(code: -1, name: "_SETTINGS", message: error.description)
        }
        if isTransactional {
            do throws(KafkaError) {
                try repeating { () throws(KafkaError) in try made.initTransactions(timeout: Self.limit) }
            } catch {
                made.close(timeout: .seconds(1))
                throw error
            }
        }
        producer = made
        return made
    }

    private mutating func drop() {
        guard let old = producer else { return }
        producer = nil
        old.close(timeout: .seconds(2))
    }

    mutating func settle(_ work: Settler.Work) -> SettleOutcome {
        do throws(KafkaError) {
            let producer = try ready()
            return isTransactional ? transact(work, producer) : deliver(work, producer)
        } catch {
            return failed(error, item: nil)
        }
    }

    private mutating func transact(_ work: Settler.Work, _ producer: Producer) -> SettleOutcome {
        _ = producer.deliveries()
        var refused: Int?
        do throws(KafkaError) {
            try producer.beginTransaction()
            timeLimit.began(bytes: work.batch.records.joined().reduce(0) { $0 + $1.byteCount }, at: Moment.current.uptime)
            for (item, records) in work.batch.records.enumerated() {
                do throws(KafkaError) {
                    for record in records { try producer.send(record, token: UInt64(item), patience: .seconds(5)) }
                } catch {
                    refused = error.isRecordRefused ? item : nil
                    throw error
                }
            }
            if !work.batch.offsets.isEmpty {
                guard let group = work.group else { throw KafkaError(code: -1, name: "_STATE", message: "no group to commit offsets for") }
                try repeating { () throws(KafkaError) in
                    try producer.sendOffsets(work.batch.offsets, group: group, timeout: Self.limit)
                }
            }
            try commit(producer)
            timeLimit.committed(at: Moment.current.uptime)
            return .committed
        } catch {
            var cause = error
            for delivery in producer.deliveries() {
                guard let failure = delivery.error, failure.isRecordRefused else { continue }
                refused = Int(delivery.token)
                cause = failure
                break
            }
            if !error.isFatal, producer.fatalError == nil {
                do throws(KafkaError) {
                    try repeating { () throws(KafkaError) in try producer.abortTransaction(timeout: Self.limit) }
                } catch {
                    logger.warn("a transaction could not be aborted: \(error); a new producer is made")
                    drop()
                }
            }
            return failed(cause, item: refused)
        }
    }

    /// For as long as it takes: given up with its outcome unknown it might be visible, and its results would be produced a second time.
    private func commit(_ producer: Producer) throws(KafkaError) {
        try repeating(for: .max) { () throws(KafkaError) in
            do throws(KafkaError) {
                try producer.commitTransaction(timeout: Self.limit)
            } catch {
                if error.isRetriable { logger.warn("whether a transaction is committed is not known yet: \(error); asked again") }
                throw error
            }
        }
    }

    private mutating func deliver(_ work: Settler.Work, _ producer: Producer) -> SettleOutcome {
        _ = producer.deliveries()
        var sent = work.batch.records.count
        var refused: (error: KafkaError, item: Int)?
        for (item, records) in work.batch.records.enumerated() {
            do throws(KafkaError) {
                for record in records { try producer.send(record, token: UInt64(item), patience: .seconds(5)) }
            } catch {
                (refused, sent) = ((error, item), item)
                break
            }
        }
        do throws(KafkaError) {
            try producer.flush(timeout: Self.deliveryLimit)
        } catch {
            return failed(error, item: nil)
        }
        let failures = producer.deliveries().compactMap { delivery in delivery.error.map { ($0, Int(delivery.token)) } }
        guard let (error, item) = refused ?? failures.first else { return .committed }
        return failed(error, item: item, delivered: Set(0..<sent).subtracting(failures.map(\.1)))
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

    private mutating func failed(_ error: KafkaError, item: Int?, delivered: Set<Int> = []) -> SettleOutcome {
        if error.isFatal || producer?.fatalError != nil { drop() }
        let now = Moment.current.uptime
        let isOver = timeLimit.failed(isTimeout: error.isTimeout, at: now)
        if timeLimit.isNew { logger.warn("a settlement took longer than its limit; the next ones have \(timeLimit.next / 1_000) s") }
        if error.isFenced, !isOver {
            fenced = fenced.filter { now - $0 < 60_000 } + [now]
            if fenced.count >= Self.mostFenced {
                mailbox.put(
                    .fatal(
                        "another process runs as \(settings.instance) (transactional id \(settings.transactionalID)): give each replica its own --replica"
                    ))
            }
        }
        return .failed(error, item: item, delivered: delivered)
    }
}
