import Envelopes
import Glibc
import Kafka
import Terminal

/// Shows what comes on many topics, in the order of time, until it is stopped. Memory does not grow with what comes: when its reader is slow, it reads slower.
///
/// Confined to the main thread.
final class Tail {
    struct Options {
        var choice: TopicChoice
        var from: Place
        var filter: RecordFilter
        /// Goes on at the end, and takes in topics that appear.
        var follows: Bool
        /// Ends after so many records; nil: never.
        var maximum: Int?
        var line: TailLine
    }

    /// One partition. A class, so that a record costs one look-up.
    private final class Lane {
        let number: Int
        /// The offset that is read next.
        var next: Int64
        /// Where its past ends.
        let end: Int64
        var isBehind: Bool

        init(number: Int, _ range: RecordRange) {
            self.number = number
            next = range.start
            end = range.end
            isBehind = !range.isEmpty
        }
    }

    private let settings: ClientSettings
    private let options: Options
    private let consumer: Consumer
    private let admin: AdminClient
    private let stop: StopSign
    private var lanes: [TopicPartition: Lane] = [:]
    /// Where the last record came from: the next one comes mostly from there too.
    private var latest: (partition: TopicPartition, lane: Lane)?
    private var merge = TimeMerge<[UInt8]>(window: window, capacity: 100_000, capacityBytes: 32 << 20)
    private var sink = LineSink()
    private var shown = 0
    private var lastLook: Int64 = 0

    /// How long a record waits for an earlier one of another partition, in milliseconds: longer than a transaction takes to be visible.
    private static let window: Int64 = 250
    /// How often new topics are looked for, in milliseconds.
    private static let lookEvery: Int64 = 2_000

    init(_ settings: ClientSettings, _ options: Options, stop: StopSign) throws {
        self.settings = settings
        self.options = options
        self.stop = stop
        admin = try AdminClient(settings)
        consumer = try Self.consumer(settings)
        stop.onStop(consumer.waker)
    }

    /// Little is fetched ahead: what waits to be shown waits in `merge`, and both are memory. Brokers gather what comes for a moment, in which it could not be
    /// shown anyway: fewer and larger portions are less work for all. `fetch.min.bytes` is so far below a partition's portion that one partition alone reaches it.
    private static func consumer(_ settings: ClientSettings) throws -> Consumer {
        var settings = settings
        let defaults = [
            "fetch.min.bytes": "32768", "fetch.wait.max.ms": "50", "fetch.message.max.bytes": "65536", "queued.min.messages": "100000",
        ]
        for (name, value) in defaults where settings[name] == nil { settings[name] = value }
        return try RecordReader.consumer(settings, prefetchKilobytes: 8192)
    }

    /// Until it is stopped, its reader goes away, enough was shown, or, where it does not follow, everything was. False when it was stopped before.
    func run() throws -> Bool {
        defer {
            _ = consumer.close(timeout: .seconds(1))
            admin.close(timeout: .seconds(1))
        }
        try begin()
        while !stop.isSet, !isDone {
            try poll()
            writeDue()
            if options.follows { try lookForTopics() }
        }
        let isWhole = isDone
        while !isEnough, let line = merge.takeAny() { write(line) }
        sink.flush()
        return isWhole || isEnough
    }

    private var isEnough: Bool { sink.isClosed || options.maximum.map { shown >= $0 } ?? false }
    private var isDone: Bool { isEnough || !options.follows && merge.behind == 0 }

    // MARK: What is read

    private func begin() throws {
        let map = TopicMap(try admin.metadata(timeout: .seconds(10)))
        try options.choice.check(among: map.names)
        try add(map.partitions(of: options.choice.among(map.names)), from: options.from)
        lastLook = Uptime.milliseconds
    }

    private func add(_ partitions: [TopicPartition], from place: Place) throws {
        guard !partitions.isEmpty else { return }
        let ranges = try RecordRange.resolve(partitions, from: place, to: .end, consumer)
        for (partition, range) in ranges.sorted(by: { $0.key < $1.key }) {
            latest = nil
            lanes[partition] = Lane(number: merge.addLane(isBehind: !range.isEmpty), range)
        }
        // An assignment replaces the one before it: what is read already goes on where it is.
        try consumer.assign(lanes.filter { options.follows || $0.value.isBehind }.mapValues { .at($0.next) })
    }

    /// A topic that appeared is shown from its beginning: what stands there has come since.
    private func lookForTopics() throws {
        let now = Uptime.milliseconds
        guard now - lastLook >= Self.lookEvery else { return }
        lastLook = now
        // A broker that is away for a moment is no reason to end.
        guard let metadata = try? admin.metadata(timeout: .seconds(2)) else { return }
        let map = TopicMap(metadata)
        let new = map.partitions(of: options.choice.among(map.names)).filter { lanes[$0] == nil }
        do throws(any Error) {
            try add(new, from: .beginning)
        } catch let error as KafkaError where error.isRetriable || error.isUnknownTopicOrPartition {
            // It was made a moment ago and has no leader yet: the next look finds it.
        }
    }

    private func poll() throws {
        var timeout = Duration.milliseconds(50)
        for _ in 0..<1_000 {
            guard !merge.isFull else { return }
            switch consumer.poll(timeout: timeout) {
            case .record(let record): if let lane = lane(of: record.topicPartition) { take(record, lane) }
            case .partitionEnd(let partition, let offset): if let lane = lanes[partition] { reached(offset, lane) }
            // A topic that goes while others are followed ends none of them.
            case .error(let error) where error.endsReading && !(options.follows && error.isUnknownTopicOrPartition): throw error
            case .error, nil: return
            }
            timeout = .zero
        }
    }

    private func lane(of partition: TopicPartition) -> Lane? {
        if let latest, latest.partition == partition { return latest.lane }
        guard let lane = lanes[partition] else { return nil }
        latest = (partition, lane)
        return lane
    }

    private func take(_ record: Record, _ lane: Lane) {
        guard record.offset >= lane.next else { return }
        lane.next = record.offset + 1
        if options.follows || record.offset < lane.end { insert(record, lane.number) }
        if lane.isBehind { reached(record.offset + 1, lane) }
    }

    private func insert(_ record: Record, _ lane: Int) {
        let content = RecordContent.of(record)
        guard options.filter.admits(record, content) else { return }
        let line = options.line.bytes(record, content)
        merge.insert(line, lane: lane, time: record.timestamp.milliseconds, bytes: line.capacity + 64, now: Uptime.milliseconds)
    }

    private func reached(_ offset: Int64, _ lane: Lane) {
        guard lane.isBehind, offset >= lane.end else { return }
        lane.isBehind = false
        merge.reachedEnd(of: lane.number)
    }

    // MARK: What is shown

    private func writeDue() {
        let now = Uptime.milliseconds
        while !isEnough, let line = merge.next(now: now) { write(line) }
        sink.flush()
    }

    private func write(_ line: [UInt8]) {
        sink.line(line)
        shown += 1
    }
}
