import BotKit
import Envelopes
import Kafka

/// What one settlement makes visible: all of it or nothing.
final class SettleItem {
    enum Result {
        /// A step of a run that goes on: results and journal, no offset.
        case step
        case done
        case retried
        case dead(code: String)
        /// Of a replay: nothing could be done for it without calling outside.
        case skipped
        /// Handed to the bot's own inbox.
        case forwarded
        /// A waiting record written again at the end of its retry partition, so that the commit can move on.
        case carriedOn
        /// The record was handled before: only its offset moves.
        case repeated
        /// Nothing of a record: a schedule's tick, or what the state topic is to forget.
        case own
    }

    let job: Job?
    /// The offset that it finishes, and its partition; nil for a step. `own` has only the partition, whose owner alone may write it.
    let partition: AssignedPartition?
    let offset: Int64?
    let result: Result
    /// What is to be written.
    private(set) var records: [Produced]
    /// At-least-once: what was delivered with a batch of which something else was not, and is not written again.
    private(set) var delivered: [Produced] = []
    /// How many results a crash before its commit would repeat.
    let results: Int
    /// Of the records, about, and of the one that it finishes.
    let bytes: Int
    /// The record that it is about, where that never became a job.
    private let ownSource: Source?
    var takenIn: Moment?
    var state: (any BotState)?
    var events: [Envelope] = []

    /// A record as it came.
    final class Source {
        let record: Record
        let passport: Passport
        let envelope: Envelope?

        init(record: Record, passport: Passport, envelope: Envelope? = nil) {
            self.record = record
            self.passport = passport
            self.envelope = envelope
        }
    }

    /// The record that it is about, for a dead letter in its place.
    var source: Source? {
        ownSource ?? job.map { Source(record: $0.record, passport: $0.passport, envelope: $0.event.envelope) }
    }

    init(
        _ result: Result, records: [Produced], bytes: Int? = nil, job: Job? = nil, partition: AssignedPartition? = nil,
        offset: Int64? = nil,
        source: Source? = nil
    ) {
        self.result = result
        self.records = records
        results = max(1, records.count { if case .event = $0 { true } else { false } })
        // The record that it finishes is kept as well.
        let kept = offset == nil ? 0 : (source?.record ?? job?.record)?.byteCount ?? 0
        self.bytes = (bytes ?? records.reduce(0) { $0 + $1.byteCount }) + kept
        self.job = job
        self.partition = partition
        self.offset = offset
        ownSource = source
    }

    /// At-least-once: what is left of it is written again, and behind records that come after it, maybe of its key. What a bot with state forwards says so to that bot.
    func markOvertaken() {
        if case .forwarded = result { records = records.map(\.markedOvertaken) } else { records = records.map(\.markedReordered) }
    }

    /// At-least-once: the records at these places were delivered.
    func delivers(_ places: Set<Int>) {
        let left = records.indices.filter { !places.contains($0) }
        let isOvertaken = left.contains { left in places.contains { left < $0 } }
        delivered += records.indices.filter(places.contains).map { records[$0] }
        records = left.map { records[$0] }
        if isOvertaken { markOvertaken() }
    }

    /// Does without what it would have written to this topic.
    func leaveOut(_ topic: String) { records.removeAll { $0.topic == topic } }

    /// The partition that it is about, also where it finishes nothing there.
    var concerned: AssignedPartition? { partition ?? job?.partition }

    /// Whether that partition was lost meanwhile.
    var isLost: Bool { concerned?.isLost ?? false }
}

/// One transaction: what the settle thread is asked to make visible.
struct SettleBatch: Sendable {
    let id: UInt64
    /// The records, item by item.
    let records: [[Produced]]
    /// Of the records, about.
    var bytes = 0
    /// With exactly-once: the offsets that become committed with it.
    let offsets: [TopicPartition: CommittedOffset]
}

/// The batch that was asked for last, until it is committed.
struct InFlight {
    let batch: UInt64
    /// When it was asked for, on the monotonic clock.
    let since: Int64
    var items: [SettleItem]
    /// Partitions whose offsets it carries.
    let moved: [TopicPartition]
    /// False when it failed and waits to be asked for again.
    var isOut = true
}

/// What became of a batch.
enum SettleOutcome: Sendable {
    case committed
    case failure(SettleFailure)
}

/// Nothing of a batch is visible but what is named here.
struct SettleFailure: Sendable {
    let error: KafkaError
    var unwritten: [Unwritten] = []
    /// At-least-once: what need not be written again.
    var delivered: Set<RecordPlace> = []
    /// At-least-once: the last item of which a record may be in its topic.
    var lastBegun: Int?
    /// The next attempt goes about it otherwise, and may come at once.
    var isAnotherWay = false
}

/// What is known of why an item could not be written.
struct Unwritten: Sendable {
    /// Its place in the batch.
    let item: Int
    /// Of the record that failed.
    let topic: String
    let error: KafkaError
}
