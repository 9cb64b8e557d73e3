import Envelopes
import Glibc
import Kafka
import Terminal

/// What a replay is asked for.
struct ReplayOrder {
    var replay: ReplayID
    var isResumed = false
    var target: ReplayTarget
    var filter: RecordFilter
    var pace: ReplayPace
    /// Of the records that fit at most so many; nil: all.
    var maximum: Int?
    var allowsCalls: Bool
    /// Also records that are replays themselves.
    var takesReplays: Bool
    /// Only records of an earlier time, and those without one; nil: all.
    var before: Timestamp?
    var isDryRun: Bool

    /// Whether it is written again, as far as the record says.
    func isMeant(_ record: Record) -> Bool {
        guard takesReplays || !Self.isReplay(record), !isLater(record) else { return false }
        return filter.isEmpty || filter.admits(record, RecordContent.of(record))
    }

    /// Each record by itself: one of a clock that is ahead says nothing of those behind it.
    func isLater(_ record: Record) -> Bool { before.map { record.timestamp.milliseconds >= $0.milliseconds } ?? false }

    static func isReplay(_ record: Record) -> Bool { record.text(ReplayHeader.replay) != nil }
}

/// What a replay did, or would do.
struct ReplayReport: Encodable {
    struct Place: Encodable {
        var place: String
        var time: String
    }

    var replay: String
    var isDryRun: Bool
    /// Records that fit.
    var records = 0
    /// Of those, by topic.
    var topics: [String: Int] = [:]
    /// Written now; in a dry run none.
    var written = 0
    /// Written before the interrupt.
    var writtenBefore = 0
    /// Records that are replays themselves, and were left out.
    var replaysLeftOut = 0
    /// Records of a later time than the replay's beginning, which were left out.
    var laterLeftOut = 0
    /// Records that the broker will never take.
    var refused = 0
    /// The first of them, and why.
    var refusals: [String] = []
    var first: Place?
    var last: Place?
    var seconds: Double?
    var isInterrupted = false

    enum CodingKeys: String, CodingKey {
        case replay, records, topics, written, refused, first, last, seconds
        case isDryRun = "dry_run"
        case writtenBefore = "written_before"
        case replaysLeftOut = "replays_left_out"
        case laterLeftOut = "later_left_out"
        case isInterrupted = "interrupted"
    }
}

/// Writes records again, or only counts them: both read and choose in the same way. Confined to the main thread.
final class Replayer {
    private let order: ReplayOrder
    private let source: any RecordSource
    private let maker: ReplayRecord
    private let already: AlreadyWritten
    private let producer: Producer?
    private let stop: StopSign
    private let progress: ProgressBar
    /// Called before the first record is written.
    private let willBegin: () throws -> Void
    private var hasBegun = false
    private var report: ReplayReport
    private var began = ContinuousClock.now
    private var onTheirWay: [Underway] = []
    private var bytesOnTheirWay = 0
    private var times: (first: Int64, last: Int64)?

    /// Never more records than these are on their way at once: so many at most have to be looked for one by one when an interrupted replay is resumed.
    static let window = 1_000
    private static let windowBytes = 32 << 20
    private static let toldRefusals = 10

    private struct Underway {
        let record: OutgoingRecord
        /// Where it was read.
        let place: String
    }

    /// `producer` is nil in a dry run. Nothing is written when `willBegin` throws.
    init(
        _ order: ReplayOrder, _ source: any RecordSource, partitions: [String: Int32], already: AlreadyWritten, producer: Producer?,
        stop: StopSign, environment: [String: String], willBegin: @escaping () throws -> Void = {}
    ) {
        self.willBegin = willBegin
        self.order = order
        self.source = source
        self.already = already
        self.producer = producer
        self.stop = stop
        maker = ReplayRecord(replay: order.replay.text, target: order.target, allowsCalls: order.allowsCalls, partitions: partitions)
        report = ReplayReport(replay: order.replay.text, isDryRun: order.isDryRun)
        let most = order.filter.isEmpty ? order.maximum ?? .max : .max
        progress = ProgressBar(
            order.isDryRun ? "counting" : "replaying", total: source.total.map { min($0, most) }, environment: environment)
    }

    func run() throws -> ReplayReport {
        defer { progress.end() }
        began = .now
        var read = 0
        while order.maximum.map({ report.records < $0 }) ?? true {
            guard let record = try source.next(stop) else {
                report.isInterrupted = stop.isSet
                break
            }
            read += 1
            progress.advance(to: read)
            let content = RecordContent.of(record)
            guard isMeant(record, content) else { continue }
            if already.contains(record.topicPartition, record.offset) {
                note(record)
                report.writtenBefore += 1
                continue
            }
            // What is stopped while it waits for its turn was not replayed, and does not count.
            if let producer, try !waitForTurn(record, producer) {
                report.isInterrupted = true
                break
            }
            note(record)
            guard let producer else { continue }
            try send(Underway(record: maker.make(record, content), place: record.topicPartition.at(record.offset)), producer)
        }
        if let producer { try flush(producer) }
        finish()
        return report
    }

    private func isMeant(_ record: Record, _ content: RecordContent) -> Bool {
        guard order.filter.admits(record, content) else { return false }
        if !order.takesReplays, ReplayOrder.isReplay(record) {
            report.replaysLeftOut += 1
            return false
        }
        if order.isLater(record) {
            report.laterLeftOut += 1
            return false
        }
        return true
    }

    private func note(_ record: Record) {
        let time = record.timestamp.kind == .none ? "no time" : Timestamp(milliseconds: record.timestamp.milliseconds).text
        let place = ReplayReport.Place(place: record.topicPartition.at(record.offset), time: time)
        if report.first == nil { report.first = place }
        report.last = place
        report.records += 1
        report.topics[record.topic, default: 0] += 1
        let milliseconds = record.timestamp.milliseconds
        times = (times?.first ?? milliseconds, max(times?.last ?? milliseconds, milliseconds))
    }

    private func finish() {
        if order.isDryRun {
            let estimate = order.pace.estimate(count: report.records, first: times?.first ?? 0, last: times?.last ?? 0)
            report.seconds = estimate.map { $0 / .seconds(1) }
        } else {
            report.seconds = began.duration(to: .now) / .seconds(1)
        }
    }

    // MARK: Writing

    /// False when the replay was stopped meanwhile.
    private func waitForTurn(_ record: Record, _ producer: Producer) throws -> Bool {
        // What an earlier run has written takes no time of this one.
        let number = report.written
        if number == 0 { (began, times) = (.now, (record.timestamp.milliseconds, record.timestamp.milliseconds)) }
        let due = order.pace.due(number: number, time: record.timestamp.milliseconds, first: times?.first ?? 0)
        var left = Duration.milliseconds(due) - began.duration(to: .now)
        if left > .milliseconds(100) { try flush(producer) }
        while left > .zero, !stop.isSet {
            usleep(UInt32(min(left, .milliseconds(50)) / .microseconds(1)))
            left = Duration.milliseconds(due) - began.duration(to: .now)
        }
        return !stop.isSet
    }

    private func send(_ one: Underway, _ producer: Producer) throws {
        if !hasBegun { try willBegin() }
        hasBegun = true
        do throws(KafkaError) {
            try producer.send(one.record, token: UInt64(onTheirWay.count), patience: .seconds(30))
        } catch {
            return try refuse(one, error)
        }
        report.written += 1
        onTheirWay.append(one)
        bytesOnTheirWay += (one.record.key?.count ?? 0) + (one.record.value?.count ?? 0)
        if onTheirWay.count >= Self.window || bytesOnTheirWay >= Self.windowBytes { try flush(producer) }
    }

    /// Waits until everything is written; throws the first failure that is no refusal. A refusal concerns a whole batch of records: each of them is written again
    /// alone, so that only those are left out that are refused themselves.
    private func flush(_ producer: Producer) throws {
        let sent = onTheirWay
        (onTheirWay, bytesOnTheirWay) = ([], 0)
        let refused = try refusals(producer).sorted { $0.token < $1.token }
        report.written -= refused.count
        for (token, error) in refused where sent.indices.contains(token) {
            guard sent.count > 1 else { return try refuse(sent[token], error) }
            try send(sent[token], producer)
            try flush(producer)
        }
    }

    /// Waits until everything is written or refused.
    private func refusals(_ producer: Producer) throws -> [(token: Int, error: KafkaError)] {
        try producer.flush(timeout: .seconds(60))
        return try producer.deliveries().compactMap { delivery in
            guard let error = delivery.error else { return nil }
            guard Self.isRefusal(error) else { throw error }
            return (Int(clamping: delivery.token), error)
        }
    }

    /// Counts a record that the broker will never take; any other error is thrown.
    private func refuse(_ one: Underway, _ error: KafkaError) throws {
        guard Self.isRefusal(error) else { throw error }
        report.refused += 1
        if report.refusals.count < Self.toldRefusals { report.refusals.append("\(one.place): \(error)") }
    }

    /// Whether it is the record's own fault, and trying it again would change nothing.
    private static func isRefusal(_ error: KafkaError) -> Bool {
        !error.isFatal && error.isRecordRefused && !error.isTopicRefused
    }

    // MARK: Resuming

    /// What the replay has written into `topics` since it began.
    static func written(
        by replay: ReplayID, into partitions: [TopicPartition], _ settings: ClientSettings, stop: StopSign, environment: [String: String]
    ) throws -> AlreadyWritten {
        var already = AlreadyWritten(window: window)
        // The clocks of this machine and of the brokers may differ a little.
        let start = replay.began.advanced(by: .seconds(-600))
        let reader = try RecordReader(settings)
        defer { reader.close() }
        let ranges = try RecordRange.resolve(partitions, from: .time(start), to: .end, reader.consumer)
        let total = ranges.values.reduce(0) { $0 + Int(max(0, $1.end - $1.start)) }
        let progress = ProgressBar("looking for what is written", total: total, environment: environment)
        defer { progress.end() }
        try reader.read(ranges)
        var count = 0
        while !reader.isAtEnd {
            guard !stop.isSet else { throw CommandFailure("stopped before anything was replayed") }
            guard case .record(let record)? = try reader.next(timeout: .milliseconds(200)) else { continue }
            count += 1
            progress.advance(to: count)
            if record.text(ReplayHeader.replay) == replay.text, let origin = record.text(ReplayHeader.origin) { already.take(origin) }
        }
        return already
    }
}
