import Envelopes
import Kafka
import Telemetry

/// The restore thread: reads what an assignment begins with (commit metadata, journals, states, the last identities) and posts it. Between restorations it
/// carries the local copies of the state partitions on, by reading the topic: so a copy never contains what is not committed there.
final class Restorer: Sendable {
    struct Request: Sendable {
        var partitions: [TopicPartition]
        let assignment: UInt64
        /// Partitions of the bot's state topic; nil when there is none.
        let statePartitions: Int32?

        /// The partitions of the state topic that belong to the request's.
        var numbers: Set<Int32> { Restorer.numbers(of: partitions, among: statePartitions) }
    }

    private enum Order: Sendable {
        case restore(Request)
        /// Of all that was asked for only these are this process's from now on.
        case own(Set<TopicPartition>)
    }

    private let queue = BlockingQueue<Order>()
    let progress = RestoreProgress()
    let failures = SnapshotFailures()

    /// How often the copies are carried on, and how long at a time, in milliseconds.
    private static let copyEvery: Int64 = 10_000
    private static let copyLimit: Int64 = 2_000

    /// - Parameter place: of the local copies; nil: there are none.
    init(client: ClientSettings, settings: RuntimeSettings, place: Snapshots.Place?, mailbox: Mailbox, logger: Logger) {
        let (queue, progress, failures) = (queue, progress, failures)
        OwnThread.start("restore") {
            let snapshots = place.map { Snapshots($0, logger: logger, failures: failures) }
            var worker = RestoreWorker(
                client: client, settings: settings, logger: logger, snapshots: snapshots, progress: progress)
            var waiting = RestoreQueue()
            var copied: Set<Int32> = []
            var pause = Self.copyEvery
            while true {
                let idle = snapshots == nil || copied.isEmpty ? 60_000 : pause
                switch queue.take(limit: .milliseconds(waiting.isEmpty ? idle : waiting.pause)) {
                case .element(.restore(let request)): waiting.append(request)
                case .element(.own(let partitions)):
                    waiting.keep(partitions)
                    if waiting.isEmpty { progress.endAll() }
                    copied.formIntersection(Self.numbers(of: partitions, among: waiting.statePartitions))
                case .nothing:
                    if let request = waiting.takeNext() {
                        guard let restored = worker.restore(request) else {
                            waiting.putBack(request)
                            continue
                        }
                        mailbox.put(.restored(restored))
                        waiting.succeeded()
                        copied.formUnion(request.numbers)
                        pause = 100
                    } else if snapshots != nil, !copied.isEmpty {
                        let end = Moment.current.uptime + Self.copyLimit
                        let isComplete = worker.copy(copied) { !queue.isEmpty || Moment.current.uptime >= end }
                        pause = isComplete ? Self.copyEvery : 100
                    }
                case .closed:
                    worker.close()
                    return
                }
            }
        }
    }

    /// The partitions of the state topic that belong to these of the inputs; `count`: how many it has, nil when there is none.
    static func numbers(of partitions: some Sequence<TopicPartition>, among count: Int32?) -> Set<Int32> {
        guard let count, count > 0 else { return [] }
        return Set(partitions.map { $0.partition % count })
    }

    func submit(_ request: Request) {
        progress.asked()
        queue.put(.restore(request))
    }
    /// Of the partitions that were asked for only these are still owned: the others are not restored any more, and their copies are left as they are.
    func own(_ partitions: some Sequence<TopicPartition>) { queue.put(.own(Set(partitions))) }
    func close() { queue.close() }
}

/// Confined to the restore thread.
struct RestoreWorker {
    let client: ClientSettings
    let settings: RuntimeSettings
    let logger: Logger
    let reader: StateReader
    let progress: RestoreProgress
    private var consumer: Consumer?
    /// For one answer of a broker: while it is waited for, nothing else is restored.
    private static let limit: Duration = .seconds(5)

    init(client: ClientSettings, settings: RuntimeSettings, logger: Logger, snapshots: Snapshots?, progress: RestoreProgress) {
        self.client = client
        self.settings = settings
        self.logger = logger
        self.progress = progress
        reader = StateReader(topic: settings.topics.state, snapshots: snapshots, progress: progress)
    }

    mutating func close() {
        consumer?.close(timeout: .seconds(2))
        consumer = nil
    }

    /// Nil when it cannot be now: without its beginning a partition is not handled.
    mutating func restore(_ request: Restorer.Request) -> [Restoration]? {
        do {
            return try attempt(request)
        } catch {
            let names = request.partitions.map(\.description).joined(separator: " ")
            logger.warn("partitions cannot be restored yet, it is tried again: \(error)", ["partitions": .string(names)])
            close()
            return nil
        }
    }

    /// Carries the copies on. True when they have reached the topic's ends, or cannot now.
    mutating func copy(_ numbers: Set<Int32>, until isEnough: () -> Bool) -> Bool {
        do {
            let consumer = try connected()
            // To the end of what is committed: more is not copied.
            return try reader.copy(numbers, log(consumer, ends: consumer), at: .current, until: isEnough)
        } catch {
            logger.debug("the copies of \(settings.topics.state) are carried on later: \(error)")
            close()
            return true
        }
    }

    private func log(_ consumer: Consumer, ends: Consumer) -> ConsumerStateLog {
        ConsumerStateLog(
            topic: settings.topics.state, scan: PartitionScan(consumer: consumer, progress: progress, logger: logger), ends: ends)
    }

    private func readState(_ numbers: Set<Int32>, _ consumer: Consumer) throws -> [Int32: [[UInt8]: [UInt8]]] {
        guard settings.delivery == .exactlyOnce, !numbers.isEmpty else {
            return try reader.read(numbers, log(consumer, ends: consumer), at: Timestamp.now.milliseconds)
        }
        let ends = try Consumer(client, group: .none(isolation: .readUncommitted), observer: .logging(logger))
        defer { ends.close(timeout: .seconds(2)) }
        return try reader.read(numbers, log(consumer, ends: ends), at: Timestamp.now.milliseconds)
    }

    private mutating func connected() throws -> Consumer {
        if let consumer { return consumer }
        let made = try Consumer(client, group: GroupSettings(id: settings.group, reportsPartitionEnd: true), observer: .logging(logger))
        consumer = made
        return made
    }

    private mutating func attempt(_ request: Restorer.Request) throws -> [Restoration] {
        let consumer = try connected()
        var committed = try consumer.committed(request.partitions, timeout: Self.limit)
        let state = try readState(request.numbers, consumer)
        var history: [TopicPartition: [Record]] = [:]
        let window = 2 * settings.limits.dedupWindow
        var lostEnds: [TopicPartition: Int64] = [:]
        var starts: [TopicPartition: StartOffset] = [:]
        var wanted: [TopicPartition: FinishedHistory] = [:]
        for (partition, commit) in committed where commit.offset > 0 || !commit.metadata.isEmpty {
            let marks = try consumer.watermarks(of: partition, timeout: Self.limit)
            if let end = Self.lostEnd(commit, marks) {
                logger.error(
                    "\(partition) ends at \(end), below \(commit.offset), which \(settings.group) has committed: records were lost there, or the topic was made anew. It goes on at \(end); look for a leader that was not in sync, or a backup that was put back"
                )
                committed[partition] = CommittedOffset(offset: end)
                lostEnds[partition] = end
            }
            let finished = FinishedHistory(committed[partition] ?? commit, window: Int64(window))
            guard marks.low < finished.end else { continue }
            starts[partition] = .at(max(marks.low, finished.start))
            wanted[partition] = finished
        }
        try PartitionScan(consumer: consumer, progress: progress, logger: logger).read(starts) { record in
            guard let finished = wanted[record.topicPartition] else { return .partitionDone }
            progress.remains(finished.end - record.offset - 1, of: record.topicPartition)
            if finished.contains(record.offset) { Self.keep(record, in: &history[record.topicPartition, default: []], atMost: window) }
            return record.offset + 1 >= finished.end ? .partitionDone : .more
        }
        return request.partitions.map { partition in
            let number = request.statePartitions.map { partition.partition % max(1, $0) }
            return Restoration(
                topicPartition: partition, assignment: request.assignment, committed: committed[partition], lostEnd: lostEnds[partition],
                history: history[partition]?.suffix(window) ?? [],
                state: number.flatMap { state[$0] }?.compactMap { key, value in belongs(key, to: partition) ? (key, value) : nil } ?? [])
        }
    }

    /// Where the log ends, when that is below what was committed: what is written from there on is new, though its offsets count as finished.
    static func lostEnd(_ commit: CommittedOffset, _ marks: Watermarks) -> Int64? { commit.offset > marks.high ? marks.high : nil }

    /// Keeps the last so many, or up to twice as many.
    private static func keep(_ record: Record, in history: inout [Record], atMost count: Int) {
        if history.count >= 2 * count { history.removeFirst(count) }
        history.append(record)
    }

    private func belongs(_ key: [UInt8], to partition: TopicPartition) -> Bool {
        switch StateKey(key) {
        case .journal(let topic, let number, _), .notDone(let topic, let number, _):
            topic == partition.topic && number == partition.partition
        case .state: partition.topic == settings.topics.inbox
        case nil: false
        }
    }
}
