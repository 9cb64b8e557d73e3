import Envelopes
import Kafka
import Terminal

/// Where records are read from, one after another: each partition in its order, the whole in the order of time as far as bounded memory allows.
protocol RecordSource: AnyObject {
    /// The next record; nil at the end, or when `stop` says so.
    func next(_ stop: StopSign) throws -> Record?
    /// How many there are at most; nil where nobody knows.
    var total: Int? { get }
    func close()
}

/// Ranges of topics.
final class TopicSource: RecordSource {
    private let reader: RecordReader
    private var merge = TimeMerge<Record>(window: 0, capacity: 50_000, capacityBytes: 64 << 20)
    private var lanes: [TopicPartition: Int] = [:]
    let total: Int?

    init(_ settings: ClientSettings, _ partitions: [TopicPartition], from: Place, to: Place) throws {
        reader = try RecordReader(settings)
        let ranges = try RecordRange.resolve(partitions, from: from, to: to, reader.consumer)
        for partition in ranges.keys.sorted() { lanes[partition] = merge.addLane(isBehind: true) }
        total = ranges.values.reduce(0) { $0 + Int(max(0, $1.end - $1.start)) }
        try reader.read(ranges)
    }

    func next(_ stop: StopSign) throws -> Record? {
        while !stop.isSet {
            if let record = merge.next(now: 0) { return record }
            if reader.isAtEnd { return merge.takeAny() }
            switch try reader.next(timeout: .milliseconds(200)) {
            case .record(let record)?:
                guard let lane = lanes[record.topicPartition] else { continue }
                let size = 300 + (record.value?.count ?? 0) + (record.key?.count ?? 0)
                merge.insert(record, lane: lane, time: record.timestamp.milliseconds, bytes: size, now: 0)
            case .ended(let partition)?: if let lane = lanes[partition] { merge.reachedEnd(of: lane) }
            case nil: break
            }
        }
        return nil
    }

    func close() { reader.close() }
}

/// A file of `mesh record`.
final class FileSource: RecordSource {
    private let path: String
    private let lines: LineReader
    private let choice: TopicChoice?
    let total: Int? = nil
    /// The topics of the records that were read, at most so many.
    private(set) var topics: Set<String> = []
    private static let mostTopics = 10_000

    /// `choice`: only these topics; nil: all event topics in the file.
    init(_ path: String, _ choice: TopicChoice?) throws(UsageError) {
        self.path = path
        self.choice = choice
        lines = try LineReader(path)
    }

    func next(_ stop: StopSign) throws -> Record? {
        while !stop.isSet, let line = try lines.next() {
            // A dead letter may be larger than what is read as JSON. That is no reason to refuse the events beside it.
            if line.count > JSONLimits.maximumBytes, let topic = RecordLine.topic(line), !isMeant(topic) { continue }
            let record = try RecordLine.read(line, place: "\(path):\(lines.number)")
            if topics.count < Self.mostTopics { topics.insert(record.topic) }
            if isMeant(record.topic) { return record }
        }
        return nil
    }

    private func isMeant(_ topic: String) -> Bool { choice?.matches(topic) ?? (!OwnTopic.isOwn(topic) && !topic.hasSuffix(".log")) }

    /// Throws where one of the words that choose topics means none of the file's: to be asked at its end.
    func checkChoice() throws(UsageError) { try choice?.check(among: topics.sorted(), place: path) }

    func close() {}
}
