import BotKit
import Envelopes

/// How results and offsets become one.
public enum DeliveryMode: String, Sendable, CaseIterable {
    /// Results, state and offset in one Kafka transaction.
    case exactlyOnce = "exactly-once"
    /// An idempotent producer, then the commit: for brokers without usable transactions. A repeat carries the same ids.
    case atLeastOnce = "at-least-once"
}

/// Who this process is and what bounds it.
public struct RuntimeSettings: Sendable {
    /// The number of the instance, from 1.
    public var replica: Int
    public var delivery: DeliveryMode
    public var limits: Limits
    /// Names of the mesh's own topics.
    public var topics: TopicNames
    /// How often a supervisor has started this instance again; nil where none says so.
    public var restarts: Int?
    /// How its process before ended, in words; nil where it was not started again.
    public var lastEnd: String?
    public let bot: String

    /// What the log says of a partition whose log was cut while it was read.
    public static let wasCut = "was cut, or made anew"
    /// What a bot's log says, with the partitions, where the time of a revocation or of a drain was over before all was settled. `meshload chaos` looks for it.
    public static let tooShortToSettle =
        "too short a time to settle all of what is given up: its next owner handles the rest again. Is the broker slow, or this machine busy?"

    /// What a bot's log says, with their number, of records that were sent at-least-once and not acknowledged in time. `meshload chaos` looks for it.
    public static let mayBeTwice = "they may be in their topics, and are written again; a result keeps its id. Is the broker away, or slow?"

    public init(bot: String, replica: Int = 1, delivery: DeliveryMode = .exactlyOnce, limits: Limits = Limits()) {
        self.bot = bot
        self.replica = replica
        self.delivery = delivery
        self.limits = limits
        topics = TopicNames(bot: bot)
    }

    /// The instance's name, e.g. `BuildBot-2`.
    public var instance: String { "\(bot)-\(replica)" }
    /// The consumer group.
    public var group: String { bot }
    /// Bot and replica slot: a process that takes the slot over fences the one before.
    public var transactionalID: String { "mesh-\(instance)" }
}

/// The mesh's own topics, as one bot sees them.
public struct TopicNames: Sendable, Equatable {
    public let retry: String
    public let state: String
    public let inbox: String
    public let deadLetters = "mesh.dlq"
    public let schedule = ScheduleFired.type.name

    public init(bot: String) {
        let name = bot.lowercased()
        retry = "retry.\(name)"
        state = "state.\(name)"
        inbox = "inbox.\(name)"
    }
}

/// Bounds of one process. Times in milliseconds of the monotonic clock.
public struct Limits: Sendable, Equatable {
    /// Records that wait in lanes, for their next attempt in place or for their twin; beyond it nothing is taken in.
    public var waitingRecords = 10_000
    /// The same in bytes of key, value and headers.
    public var waitingBytes = 32 << 20
    /// Records that came before their partition was restored; beyond it the partition is paused.
    public var earlyRecords = 1_000
    /// The same in bytes of key, value and headers, over all partitions; beyond it all are paused that are not restored.
    public var earlyBytes = 16 << 20
    /// For so long the bot is told of inputs, and one input more, before the loop polls, settles and hears signals again.
    public var turn: Int64 = 50
    /// What is full for so long pauses its partitions; until then records stay where librdkafka has put them, and are not fetched again.
    public var holdBack: Int64 = 500
    /// Results that wait to be settled; beyond it nothing new is handled.
    public var unsettledItems = 4_000
    /// The same in bytes.
    public var unsettledBytes = 32 << 20
    /// Of a commit's metadata, which names what is finished above the offset; no more than the default, since Kafka refuses what is longer than 4,096 and the parts grow.
    public var commitMetadataBytes = OffsetLedger.maximumMetadataBytes
    /// Settled results that wait because their commit's metadata would be too long; beyond it only the records are handled that make it shorter.
    public var heldItems = 1_000
    /// The same in bytes.
    public var heldItemBytes = 32 << 20
    /// Of one settlement. More share its fixed cost, and fewer are still in the processor's caches when they are done with.
    public var batchItems = 1_000
    public var batchBytes = 8 << 20
    /// Under load a settlement waits for so long to become larger; at-least-once, offsets are committed so often.
    public var commitInterval: Int64 = 100
    /// At-least-once: so many results are delivered at once, and a commit is asked for with half of them at the latest. Two such settlements are no more than the
    /// window of a bot that reads them: where the first is not known to be committed, a third waits.
    public var repeatableItems: Int { max(1, dedupWindow / 2) }
    /// So many settled results are acted on before the next records are taken in: all of a large settlement at once would let the thread that decodes run out
    /// of work. More than are decoded together, so that no rest piles up.
    public var committedAtOnce = 256
    /// So few results are no load: they are settled at once.
    public var lightBatch = 200
    /// Records of one retry partition that wait for their time; beyond it a short delay can wait behind a long one.
    public var waitingPerRetryPartition = 10_000
    /// The same in bytes of key, value and headers.
    public var waitingBytesPerRetryPartition = 8 << 20
    /// When a retry partition's commit carries more than this, its lowest waiting records are written again at its end.
    public var carryOnBytes = OffsetLedger.maximumMetadataBytes / 2
    /// Identities that a partition's deduplication remembers: W.
    public var dedupWindow = 1_000
    /// Calls of one run.
    public var callsPerRun = 1_000
    /// How often one run may be taken up again after a crash before its record is dead-lettered. An orderly end is none, nor is one while it waits for a
    /// dependency.
    public var resumesPerRun = 5
    /// Runs that wait for a breaker without a place among `max_concurrent_jobs`, and the bytes of their records.
    public var heldRuns = 500
    public var heldBytes = 16 << 20
    /// What a performer gets to return after its call was cancelled.
    public var callGrace: Int64 = 5_000
    /// Cancel signals that are remembered for runs that have not started.
    public var rememberedCancels = 10_000
    /// Largest record of an event topic.
    public var recordBytes = 1_000_000
    /// Largest value of a dead letter; a larger one is replaced by its size and digest.
    public var deadLetterBytes = 15 << 20
    /// From the signal to the end of the process.
    public var drain: Int64 = 25_000
    /// The last part of `drain`: by then calls under way are cancelled, and what is finished is settled.
    public var drainEnd: Int64 = 5_000
    /// What finishes at a revocation.
    public var revocation: Int64 = 2_000
    /// A partition with lag whose committed offset stands still for so long is reported, when nothing explains it.
    public var stall: Int64 = 10_000
    /// A partition of which nothing comes for so long although there is more is asked for again.
    public var silence: Int64 = 5_000

    public init() {}
}

/// One instant on both clocks.
public struct Moment: Sendable, Equatable {
    /// For what others see: timestamps and due times.
    public var wall: Timestamp
    /// For limits: milliseconds that never go back.
    public var uptime: Int64

    public init(wall: Timestamp, uptime: Int64) {
        self.wall = wall
        self.uptime = uptime
    }
}
