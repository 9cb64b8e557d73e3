import BotKit
import Envelopes
import Kafka

/// One partition while this process owns it. A new assignment makes a new one. Confined to the engine's thread.
final class AssignedPartition {
    /// What records of the partition are for.
    enum Role {
        /// Handled directly.
        case event
        /// Forwarded to the bot's inbox, for a stateful bot.
        case forwarded
        case inbox
        /// Wait for their time; then handled, or forwarded for a stateful bot.
        case retry
    }

    let topicPartition: TopicPartition
    let role: Role
    /// The number of its assignment: only a restoration with the same one is about it.
    let assignment: UInt64
    var ledger = OffsetLedger()
    var window: DedupWindow
    /// Journals that an earlier owner left, by offset.
    var journals: [Int64: [UInt8]] = [:]
    /// Offsets within the window that were settled other than done, ascending: their notes in the state topic are removed when the window has passed them.
    var notes: [Int64] = []
    var states: [Aggregate: any BotState] = [:]
    var isRestored = false
    /// Gone: revoked or lost.
    var isLost = false
    /// What the driver was last told.
    var isPaused = false
    /// Records that came before the restoration was complete.
    var early: [Incoming] = []
    /// Of a retry partition: where the records lie that wait for their time, and their bytes.
    private var waitingOffsets: Set<Int64> = []
    private(set) var waitingBytes = 0
    /// The offsets have moved since the last commit.
    var isDirty = false
    /// Being given up: nothing new is begun.
    var isLeaving = false
    /// The record that was taken last; without a timestamp where none was, and the end was reached behind that offset.
    private var lastTaken: (offset: Int64, timestamp: RecordTimestamp?)?
    /// How many of its records were taken in to be handled.
    var jobs = 0
    /// One above what had been read when a record came again, or one from before it, though nobody had asked for it: the log ended below that, and the client
    /// began again where it begins.
    private(set) var wentBackFrom: Int64?
    /// Restored once more in one assignment: the window is the one of before, which knows more than a log that was cut.
    let isAnew: Bool
    /// Its log was cut, and what is committed of it says more than the log has: whoever has it next could not know that.
    var isCut: Bool { isAnew && !isRestored || wentBackFrom != nil }

    init(_ topicPartition: TopicPartition, role: Role, assignment: UInt64, window: DedupWindow, isAnew: Bool = false) {
        self.topicPartition = topicPartition
        self.role = role
        self.assignment = assignment
        self.window = window
        self.isAnew = isAnew
    }

    /// Notes that a record was read. False when it is settled already, or was read before, and must not be handled again.
    ///
    /// The last one may come twice without anything having been cut: librdkafka pauses all partitions for a moment when the group hands some out anew, and fetches on from
    /// where the application stands by then, which is before a record that is just being handed over.
    func begin(_ offset: Int64, _ timestamp: RecordTimestamp) -> Bool {
        defer { lastTaken = (offset, timestamp) }
        if ledger.begin(offset) { return true }
        if let last = lastTaken, wentBackFrom == nil, offset < last.offset || offset == last.offset && timestamp != last.timestamp {
            wentBackFrom = ledger.nextRead
        }
        return false
    }

    /// All was delivered up to the log's end: below it nothing comes any more, also where nothing has come.
    func reachedEnd(at offset: Int64) { if lastTaken == nil { lastTaken = (offset - 1, nil) } }

    /// How many records wait for their time.
    var waiting: Int { waitingOffsets.count }

    /// Whether the first record that is not finished is one of them.
    var beginsWithWaiting: Bool { ledger.watermark.map { waitingOffsets.contains($0) } ?? false }

    func waits(_ record: Record) {
        waitingOffsets.insert(record.offset)
        waitingBytes += record.byteCount
    }

    func waitsNoMore(_ record: Record) {
        waitingOffsets.remove(record.offset)
        waitingBytes -= record.byteCount
    }
}

/// What was read at the beginning of an assignment.
struct Restoration: Sendable {
    var topicPartition: TopicPartition
    /// For which assignment it was read.
    var assignment: UInt64
    var committed: CommittedOffset?
    /// Journals and notes at this offset and above mean nothing; nil: all hold. See `Beginning`.
    var forgetFrom: Int64?
    /// Where the consumer has to be put first; nil: it goes on by itself where it should.
    var putTo: StartOffset?
    /// Of the request that it answers.
    var cut: LogCut?
    /// The last records that were finished, as `FinishedHistory` says, for deduplication; of a log that was cut the last that it has, finished or not.
    var history: Remembered
    var state: RestoredState
}

/// Which records of a partition were finished by its earlier owners, the last of them: below the committed offset, and those above it that the commit
/// names. The latter come again by the consumer too, but perhaps behind a copy of theirs that is open and due.
struct FinishedHistory: Sendable {
    private let committed: Int64
    private let above: [ClosedRange<Int64>]
    /// The offset to read from; the partition may begin later.
    let start: Int64
    private let ticksEnd: Int64

    /// - Parameters:
    ///   - window: so many of them.
    ///   - ticksEnd: where the topic of schedules ends: a tick that stands there is known, whatever becomes of it.
    init(_ commit: CommittedOffset, window: Int64, ticksEnd: Int64 = 0) {
        self.ticksEnd = ticksEnd
        committed = max(0, commit.offset)
        above = CommitMetadata.finished(committed: committed, in: commit.metadata)
        var missing = window
        for range in above.reversed() {
            let count = Int64(range.count)
            guard count < missing else {
                start = range.upperBound - missing + 1
                return
            }
            missing -= count
        }
        start = max(0, committed - missing)
    }

    /// One above the last of them, or of the ticks.
    var end: Int64 { max(ticksEnd, above.last.map { $0.upperBound + 1 } ?? committed) }

    func contains(_ offset: Int64) -> Bool {
        guard offset >= committed else { return offset >= start }
        let place = above.partitionPoint { $0.upperBound >= offset }
        return place < above.count && above[place].contains(offset)
    }
}
