import BotKit
import Envelopes
import Kafka

/// What the engine asks of its driver.
enum Action: Sendable {
    case pause([TopicPartition])
    case resume([TopicPartition])
    /// Read what an assignment begins with, and answer with `restored` and the assignment's number. `cut`: the log was cut while it was read.
    case restore([TopicPartition], assignment: UInt64, cut: LogCut? = nil)
    case settle(SettleBatch)
    /// At-least-once: commit after the deliveries. `isLast`: wait for the answer, the partitions are about to go.
    case commit([TopicPartition: CommittedOffset], isLast: Bool)
    case startCall(CallStart)
    /// Cancel the task; its outcome, if any still comes, is ignored or taken as cancelled.
    case cancelCall(CallReference)
    case log(LogEntry)
    case audit(AuditEntry)
    /// An event became visible: for the configuration's outputs.
    case produced(Envelope)
    /// Everything is settled that will be: close the consumer and end.
    case finished
}

struct CallReference: Hashable, Sendable {
    let job: UInt64
    let call: Int
    /// Tells a repeat of the same call in a later attempt apart.
    let attempt: Int
    /// Tells a call that waited for its breaker and is made again apart from the one before.
    var turn = 0
}

struct CallStart: Sendable {
    let reference: CallReference
    let request: any CallRequest
    let idempotencyKey: String
    let runID: String
    let correlationID: String
    let isRepeat: Bool
    /// The event whose handling asked for it: log lines are traced to it.
    let causation: Envelope
    /// Where its result is looked up instead of performing it; nil: it is performed.
    var recall: Recall?
}

/// One line for people and for log stores.
struct LogEntry: Sendable {
    enum Level: Sendable { case debug, info, warn, error }
    var level: Level
    var message: String
    var correlationID: String?
    var fields: [(String, String)] = []
}

/// One audit record, before it gets its place in the chain.
struct AuditEntry: Sendable {
    var action: String
    var subject: String
    var outcome: String?
    var code: String?
    var runID: String?
    var correlationID: String?
    var idempotencyKey: String?
    var isRepeat: Bool?
    var durationSeconds: Double?
    /// The call's response or failure, for replays.
    var result: JSONValue?
    /// The replay that it happened in.
    var replay: String?
}
