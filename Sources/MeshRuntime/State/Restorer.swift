import BotKit
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
        /// Of its one partition: its log was cut while this process read it.
        var cut: LogCut?

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
    init(
        client: ClientSettings, settings: RuntimeSettings, bot: any Bot, decoder: RecordDecoder, place: Snapshots.Place?, mailbox: Mailbox,
        logger: Logger
    ) {
        let (queue, progress, failures) = (queue, progress, failures)
        DedicatedThread.start(name: "restore") {
            let snapshots = place.map { Snapshots($0, logger: logger, failures: failures) }
            var worker = RestoreWorker(
                client: client, settings: settings, bot: bot, decoder: decoder, logger: logger, snapshots: snapshots, progress: progress)
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
                    } else {
                        // Nobody would fetch what librdkafka has to say meanwhile.
                        worker.close()
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
    let bot: any Bot
    let decoder: RecordDecoder
    let logger: Logger
    let reader: StateReader
    let progress: RestoreProgress
    private var consumer: Consumer?
    /// Partitions of the state topic of which it was told that keys do not belong there.
    private var told: Set<Int32> = []
    /// For one answer of a broker: while it is waited for, nothing else is restored.
    private static let limit: Duration = .seconds(5)

    init(
        client: ClientSettings, settings: RuntimeSettings, bot: any Bot, decoder: RecordDecoder, logger: Logger, snapshots: Snapshots?,
        progress: RestoreProgress
    ) {
        self.client = client
        self.settings = settings
        self.bot = bot
        self.decoder = decoder
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
        // Keys of another form say nothing.
        let state = try readState(request.numbers, consumer).mapValues { entries in
            entries.compactMap { key, value in StateKey(key).map { (key: $0, value: value) } }
        }
        tellMisplaced(state, among: request.statePartitions)
        var history: [TopicPartition: Remembered] = [:]
        let window = 2 * settings.limits.dedupWindow
        var beginnings: [TopicPartition: Beginning] = [:]
        var starts: [TopicPartition: StartOffset] = [:]
        var wanted: [TopicPartition: FinishedHistory] = [:]
        for partition in request.partitions {
            let commit = committed[partition] ?? CommittedOffset(offset: 0)
            // With a tick its partition's offset is committed, and with that goes the member's generation, also where nothing was read yet.
            let isTicking = partition.topic == settings.topics.schedule
            guard commit.offset > 0 || !commit.metadata.isEmpty || isTicking || request.cut != nil else { continue }
            let marks = try consumer.watermarks(of: partition, timeout: Self.limit)
            let beginning = Beginning(committed[partition], marks, cut: request.cut, window: Int64(settings.limits.dedupWindow))
            tell(beginning, of: partition, commit, isCut: request.cut != nil)
            committed[partition] = beginning.commit
            beginnings[partition] = beginning
            let finished = FinishedHistory(beginning.remembered, window: Int64(window), ticksEnd: isTicking ? marks.high : 0)
            guard marks.low < finished.end else { continue }
            starts[partition] = .at(max(marks.low, finished.start))
            wanted[partition] = finished
        }
        try PartitionScan(consumer: consumer, progress: progress, logger: logger).read(starts) { record in
            guard let finished = wanted[record.topicPartition] else { return .partitionDone }
            progress.remains(finished.end - record.offset - 1, of: record.topicPartition)
            history[record.topicPartition, default: Remembered()].take(record, finished, decoder, atMost: window)
            return record.offset + 1 >= finished.end ? .partitionDone : .more
        }
        return request.partitions.map { partition in
            let number = request.statePartitions.map { partition.partition % max(1, $0) }
            return Restoration(
                topicPartition: partition, assignment: request.assignment, committed: committed[partition],
                forgetFrom: beginnings[partition]?.forgetFrom, putTo: beginnings[partition]?.putTo, cut: request.cut,
                history: history[partition] ?? Remembered(),
                state: RestoredState(
                    number.flatMap { state[$0] } ?? [], of: partition, isInbox: partition.topic == settings.topics.inbox, bot: bot))
        }
    }

    /// Keys that lie where nobody looks for them, since the topic had another number of partitions when they were written. Told once.
    private mutating func tellMisplaced(_ state: [Int32: [(key: StateKey, value: [UInt8])]], among count: Int32?) {
        guard let count, count > 0 else { return }
        for (number, entries) in state where !told.contains(number) {
            let misplaced = entries.count { $0.key.partition(among: count) != number }
            guard misplaced > 0 else { continue }
            told.insert(number)
            logger.error(
                "\(settings.topics.state)[\(number)] has \(misplaced) states, journals or notes that are looked for in other partitions, and not found: it has had another number of partitions than \(count). What they say counts as not there",
                ["partition": .string("\(settings.topics.state)[\(number)]")])
        }
    }

    private func tell(_ beginning: Beginning, of partition: TopicPartition, _ commit: CommittedOffset, isCut: Bool) {
        guard let end = beginning.forgetFrom else { return }
        let known = FinishedHistory(commit, window: 1).end
        let what = known > commit.offset ? "has committed, or named as finished in its commit" : "has committed"
        guard !isCut else {
            return logger.warn("\(partition), which was cut, or made anew, is read again from \(beginning.commit.offset) on")
        }
        logger.error(
            "\(partition) ends at \(end), below \(known), which \(settings.group) \(what): records were lost there, or the topic was made anew. It goes on at \(beginning.commit.offset); look for a leader that was not in sync, or a backup that was put back",
            ["partition": .string(partition.description)])
    }
}
