import BotKit
import Envelopes
import Kafka

/// What an input leads to, and is made visible together: exactly-once all of it or nothing.
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
    private(set) var records: [Produced]
    /// Places of the records that are not to be written any more: at-least-once what was delivered with a batch of which something else was not, and what is left out.
    private(set) var done: Set<Int> = []
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
        offset: Int64? = nil, source: Source? = nil, resultsBefore: Int = 0
    ) {
        self.result = result
        self.records = records
        results = max(1, resultsBefore + records.count(where: \.isEvent))
        // The record that it finishes is kept as well, and that of a run which goes on.
        let isStep = if case .step = result { true } else { false }
        let kept = offset == nil && !isStep ? 0 : (source?.record ?? job?.record)?.byteCount ?? 0
        self.bytes = (bytes ?? records.reduce(0) { $0 + $1.byteCount }) + kept
        self.job = job
        self.partition = partition
        self.offset = offset
        ownSource = source
    }

    /// What is to be written.
    var unwritten: [Produced] { done.isEmpty ? records : unwrittenPlaces.map { records[$0] } }

    private var unwrittenPlaces: [Int] { records.indices.filter { !done.contains($0) } }

    /// At-least-once: what stands before this place of what is to be written is written again, and behind records that come after it, maybe of its key. What a bot
    /// with state forwards says so to that bot.
    func markOvertaken(before end: Int) {
        for place in unwrittenPlaces.prefix(end) {
            if case .forwarded = result {
                records[place] = records[place].markedOvertaken
            } else {
                records[place] = records[place].markedReordered
            }
        }
    }

    /// At-least-once: of what was to be written, the records at these places were delivered.
    func delivered(_ places: Set<Int>) {
        let unwritten = unwrittenPlaces
        done.formUnion(places.map { unwritten[$0] })
    }

    /// Does without what it would have written to this topic.
    func leaveOut(_ topic: String) { done.formUnion(records.indices.filter { records[$0].topic == topic }) }

    /// How many of its records count as visible where something of it is refused: those before the first that is missing, without the event that a missing
    /// notification goes with. What the state topic is told does not matter.
    func visibleCount(stateTopic: String) -> Int {
        guard var first = unwrittenPlaces.first(where: { !records[$0].isOf(stateTopic) }) else { return records.count }
        while first > 0, records[first].isAside { first -= 1 }
        return first
    }

    /// Of its events, those among the first so many records.
    func events(within count: Int) -> [Envelope] { Array(events.prefix(records[..<count].count(where: \.isEvent))) }

    /// How many of its results were delivered.
    var deliveredResults: Int { done.count { records[$0].isEvent } }

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

/// A batch that was not made visible as a whole: exactly-once nothing of it is; at-least-once what is named here is, and what was given up may be.
struct SettleFailure: Sendable {
    let error: KafkaError
    var unwritten: [Unwritten] = []
    /// At-least-once: of each item the records that need not be written again, by their places in the batch.
    var delivered: [Int: Set<Int>] = [:]
    /// At-least-once: the last record that may be in its topic, those of the state topic apart.
    var lastBegun: BatchPlace?
    /// At-least-once: how many records, those of the state topic apart, may be in their topics although nobody has said so. They are written again.
    var unknown = 0
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
