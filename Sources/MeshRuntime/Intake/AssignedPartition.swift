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
    var ledger = OffsetLedger()
    var window: DedupWindow
    /// Journals that an earlier owner left, by offset.
    var journals: [Int64: [UInt8]] = [:]
    /// Offsets within the window that were settled other than done, ascending: their notes in the state topic are removed when the window has passed them.
    var notes: [Int64] = []
    var states: [String: any BotState] = [:]
    var isRestored = false
    /// Gone: revoked or lost.
    var isLost = false
    /// What the driver was last told.
    var isPaused = false
    /// Records that came before the restoration was complete.
    var early: [Incoming] = []
    /// Of a retry partition: records that wait for their time.
    var waiting = 0
    /// The offsets have moved since the last commit.
    var isDirty = false
    /// Being given up: nothing new is begun.
    var isLeaving = false

    init(_ topicPartition: TopicPartition, role: Role, window: Int) {
        self.topicPartition = topicPartition
        self.role = role
        self.window = DedupWindow(capacity: window)
    }
}

/// What was read at the beginning of an assignment.
struct Restoration: Sendable {
    var topicPartition: TopicPartition
    var committed: CommittedOffset?
    /// The last records below the committed offset, for deduplication.
    var history: [Record]
    /// The newest value of each key of the state partition that belongs to it.
    var state: [(key: [UInt8], value: [UInt8])]
}
