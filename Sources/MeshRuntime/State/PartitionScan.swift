import Kafka
import Telemetry

/// Reads partitions from given offsets to the ends of what is committed, or further. Confined to the thread that owns the consumer.
struct PartitionScan {
    let consumer: Consumer
    let progress: RestoreProgress
    let logger: Logger

    /// How long nothing may come, and how often progress is told, in milliseconds.
    static let patience: Int64 = 30_000
    private static let tellEvery: Int64 = 5_000

    /// Reads until every partition has ended, `body` wants no more of any, or `isEnough`. A partition that `ends` names has not ended before that offset, whatever is not decided
    /// below it.
    func read(
        _ starts: [TopicPartition: StartOffset], to ends: [TopicPartition: Int64] = [:], until isEnough: () -> Bool = { false },
        _ body: (Record) -> Reading
    ) throws {
        guard !starts.isEmpty else { return }
        try consumer.assign(starts)
        defer {
            do { try consumer.assign([:]) } catch { logger.debug("the restored partitions are still fetched: \(error)") }
        }
        var open = Set(starts.keys)
        var last = Moment.current.uptime
        var lastWord = last
        while !open.isEmpty, !isEnough() {
            let polled = consumer.poll(timeout: .milliseconds(100))
            let now = Moment.current.uptime
            switch polled {
            case .record(let record):
                // Of one that has ended more may come: that is no news of the others.
                guard open.contains(record.topicPartition) else { break }
                last = now
                switch body(record) {
                case .more: break
                case .partitionDone: open.remove(record.topicPartition)
                }
            case .partitionEnd(let partition, let offset):
                guard open.contains(partition) else { break }
                last = now
                if offset >= ends[partition] ?? 0 { open.remove(partition) }
            case .error(let error): if error.isFatal || !error.isRetriable && !error.isBrokersDown { throw error }
            case nil: break
            }
            if now - lastWord >= Self.tellEvery {
                lastWord = now
                if let text = progress.text { logger.info(text) }
            }
            if now - last > Self.patience {
                throw KafkaError.timedOut("the ends of \(open.sorted().map(\.description))", after: .milliseconds(Self.patience))
            }
        }
    }
}

/// The bot's state topic on a broker.
struct ConsumerStateLog: StateLog {
    let topic: String
    let scan: PartitionScan
    /// Who is asked for the ends, transactions that are not decided included.
    let ends: Consumer

    func bounds(of number: Int32) throws -> Watermarks { try ends.watermarks(of: partition(number), timeout: .seconds(5)) }

    func read(_ starts: [Int32: Int64], to ends: [Int32: Int64], until isEnough: () -> Bool, _ body: (Record) -> Reading) throws {
        let starts = starts.map { (partition($0.key), StartOffset.at($0.value)) }
        let ends = ends.map { (partition($0.key), $0.value) }
        try scan.read(Dictionary(uniqueKeysWithValues: starts), to: Dictionary(uniqueKeysWithValues: ends), until: isEnough, body)
    }

    private func partition(_ number: Int32) -> TopicPartition { TopicPartition(topic, number) }
}
