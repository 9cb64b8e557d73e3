import Envelopes
import Kafka
import Telemetry

/// The restore thread: reads what an assignment begins with (commit metadata, journals, states, the last identities) and posts it.
final class Restorer: Sendable {
    struct Request: Sendable {
        let partitions: [TopicPartition]
        /// Partitions of the bot's state topic; nil when there is none.
        let statePartitions: Int32?
    }

    private let queue = BlockingQueue<Request>()

    init(client: ClientSettings, settings: RuntimeSettings, mailbox: Mailbox, logger: Logger) {
        let queue = queue
        OwnThread.start("restore") {
            var worker = RestoreWorker(client: client, settings: settings, logger: logger)
            while true {
                switch queue.take(limit: .seconds(60)) {
                case .element(let request): mailbox.put(.restored(worker.restore(request)))
                case .nothing: continue
                case .closed:
                    worker.close()
                    return
                }
            }
        }
    }

    func submit(_ request: Request) { queue.put(request) }
    func close() { queue.close() }
}

/// Confined to the restore thread.
private struct RestoreWorker {
    let client: ClientSettings
    let settings: RuntimeSettings
    let logger: Logger
    private var consumer: Consumer?

    init(client: ClientSettings, settings: RuntimeSettings, logger: Logger) {
        self.client = client
        self.settings = settings
        self.logger = logger
    }

    mutating func close() {
        consumer?.close(timeout: .seconds(2))
        consumer = nil
    }

    /// Tries until it succeeds: without its beginning a partition is not handled.
    mutating func restore(_ request: Restorer.Request) -> [Restoration] {
        var pause: Int64 = 100
        while true {
            do {
                return try attempt(request)
            } catch {
                logger.warn("partitions cannot be restored yet: \(error); again in \(pause) ms")
                close()
                Pause.milliseconds(pause)
                pause = min(pause * 2, 5_000)
            }
        }
    }

    private mutating func attempt(_ request: Restorer.Request) throws -> [Restoration] {
        if consumer == nil {
            consumer = try Consumer(client, group: GroupSettings(id: settings.group, reportsPartitionEnd: true), observer: .logging(logger))
        }
        let consumer = consumer!
        let committed = try consumer.committed(request.partitions, timeout: .seconds(15))
        let state = try readState(request, consumer)
        var history: [TopicPartition: [Record]] = [:]
        let window = Int64(2 * settings.limits.dedupWindow)
        var starts: [TopicPartition: StartOffset] = [:]
        var ends: [TopicPartition: Int64] = [:]
        for (partition, commit) in committed where commit.offset > 0 {
            let low = try consumer.watermarks(of: partition).low
            guard low < commit.offset else { continue }
            starts[partition] = .at(max(low, commit.offset - window))
            ends[partition] = commit.offset
        }
        try read(starts, until: ends, consumer) { history[$0.topicPartition, default: []].append($0) }
        return request.partitions.map { partition in
            let number = request.statePartitions.map { partition.partition % max(1, $0) }
            return Restoration(
                topicPartition: partition, committed: committed[partition], history: history[partition] ?? [],
                state: number.flatMap { state[$0] }?.compactMap { key, value in belongs(key, to: partition) ? (key, value) : nil } ?? [])
        }
    }

    private func belongs(_ key: [UInt8], to partition: TopicPartition) -> Bool {
        switch StateKey(key) {
        case .journal(let topic, let number, _), .notDone(let topic, let number, _):
            topic == partition.topic && number == partition.partition
        case .state: partition.topic == settings.topics.inbox
        case nil: false
        }
    }

    private func readState(_ request: Restorer.Request, _ consumer: Consumer) throws -> [Int32: [[UInt8]: [UInt8]]] {
        guard let count = request.statePartitions, count > 0 else { return [:] }
        let numbers = Set(request.partitions.map { $0.partition % count })
        var starts: [TopicPartition: StartOffset] = [:]
        var ends: [TopicPartition: Int64] = [:]
        for number in numbers {
            let partition = TopicPartition(settings.topics.state, number)
            let marks = try consumer.watermarks(of: partition)
            guard marks.low < marks.high else { continue }
            starts[partition] = .beginning
            ends[partition] = marks.high
        }
        var latest: [Int32: [[UInt8]: [UInt8]]] = [:]
        try read(starts, until: ends, consumer) { record in
            guard let key = record.key else { return }
            latest[record.partition, default: [:]][key] = record.value
        }
        return latest
    }

    /// Reads partitions from their starts to the given ends, or to the end of what is committed.
    private func read(
        _ starts: [TopicPartition: StartOffset], until ends: [TopicPartition: Int64], _ consumer: Consumer, _ body: (Record) -> Void
    ) throws {
        guard !starts.isEmpty else { return }
        try consumer.assign(starts)
        defer {
            do { try consumer.assign([:]) } catch { logger.debug("the restored partitions are still fetched: \(error)") }
        }
        var open = Set(starts.keys)
        var last = Moment.current.uptime
        while !open.isEmpty {
            switch consumer.poll(timeout: .milliseconds(100)) {
            case .record(let record):
                last = Moment.current.uptime
                guard open.contains(record.topicPartition) else { continue }
                if let end = ends[record.topicPartition], record.offset >= end {
                    open.remove(record.topicPartition)
                } else {
                    body(record)
                    if let end = ends[record.topicPartition], record.offset + 1 >= end { open.remove(record.topicPartition) }
                }
            case .partitionEnd(let partition, _):
                last = Moment.current.uptime
                open.remove(partition)
            case .error(let error): if error.isFatal || !error.isRetriable && !error.isBrokersDown { throw error }
            case nil: break
            }
            if Moment.current.uptime - last > 30_000 {
                throw KafkaError(code: -1, name: "_TIMED_OUT", message: "no end of \(open.sorted().map(\.description)) within 30 s")
            }
        }
    }
}
