import Envelopes
import Kafka
import Synchronization
import Telemetry

/// What is told beside the results: heartbeats, audit records, log lines of steps. An idempotent producer without transactions; bounded, and what does not
/// fit is counted, not waited for. Any thread.
final class SideProducer: Sendable {
    private let client: ClientSettings
    private let producer: Mutex<Producer>
    private let dropped = Atomic<Int>(0)
    private let failed = Atomic<Int>(0)

    init(_ client: ClientSettings, logger: Logger) throws(SettingsError) {
        self.client = client
        producer = Mutex(try Self.make(client, logger))
    }

    private static func make(_ client: ClientSettings, _ logger: Logger) throws(SettingsError) -> Producer {
        try Producer(
            client,
            ProducerSettings(
                linger: .milliseconds(20), maximumQueuedRecords: 20_000, maximumQueuedKibibytes: 8_192, deliveryTimeout: .seconds(60),
                keepsOnlyFailures: true),
            observer: .logging(logger))
    }

    /// Whether there was room for it.
    @discardableResult
    func send(_ record: OutgoingRecord) -> Bool {
        do throws(KafkaError) {
            try producer.withLock { $0 }.send(record)
            return true
        } catch {
            dropped.add(1, ordering: .relaxed)
            return false
        }
    }

    var droppedRecords: Int { dropped.load(ordering: .relaxed) }
    var failedRecords: Int { failed.load(ordering: .relaxed) }

    /// Collects failures, and makes a new producer when this one cannot go on. Call it about once a second; does not block for long.
    func tend(_ logger: Logger) {
        let current = producer.withLock { $0 }
        let failures = current.deliveries().compactMap(\.error)
        failed.add(failures.count, ordering: .relaxed)
        if let first = failures.first { logger.warn("\(failures.count) records beside the results were not delivered: \(first)") }
        guard let error = current.fatalError else { return }
        logger.warn("the producer for heartbeats, audit and logs failed: \(error); a new one is made")
        do throws(SettingsError) {
            let made = try Self.make(client, logger)
            producer.withLock { $0 = made }
            DedicatedThread.start(name: "close") { current.close(timeout: .seconds(2)) }
        } catch {
            logger.error("no new producer: \(error)")
        }
    }

    /// Delivers what is queued, for up to `limit`.
    func close(limit: Duration) { producer.withLock { $0 }.close(timeout: limit) }
}
