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
    /// All that `mesh.control` asks of the bot, by key.
    case control([String: ControlRecord])
    /// SIGTERM or SIGINT.
    case terminate
    /// The process cannot go on.
    case fatal(String)
}

typealias Mailbox = BlockingQueue<Message>
