import BotKit
import Envelopes
import Kafka

/// What other threads tell the engine's thread.
enum Message: Sendable {
    case decoded(DecodeAhead.Batch)
    case callFinished(CallReference, CallOutcome)
    case settled(UInt64, SettleOutcome)
    case restored([Restoration])
    case cancel(run: String, CallFailure)
    case control(key: String, ControlRecord?)
    /// Everything on `mesh.control` was read once.
    case controlIsCurrent
    /// SIGTERM or SIGINT.
    case terminate
    /// The process cannot go on.
    case fatal(String)
}

typealias Mailbox = BlockingQueue<Message>
