/// What a person decided about one dead letter: a record on `mesh.dlq_marks`, whose key names the dead letter.
///
/// It is written in one transaction with what was done, so a dead letter is marked if and only if that has happened. Whoever reads it compares
/// `timestamp` too: after `mesh.dlq` was deleted and made anew, its offsets mean other records.
public struct DeadLetterMark: Codable, Sendable, Equatable {
    public static let topic = "mesh.dlq_marks"

    public enum State: String, Codable, Sendable, CaseIterable {
        /// The record went back to its bot.
        case redriven
        /// It shall not be shown or put back any more.
        case purged
    }

    public var state: State
    /// Of the dead letter in `mesh.dlq`.
    public var partition: Int32
    public var offset: Int64
    /// The dead letter's own timestamp: milliseconds since 1970-01-01T00:00:00Z, -1 for none.
    public var timestamp: Int64
    /// The bot that gave it up.
    public var bot: String
    /// The topic that it went back to; nil for a purged one.
    public var target: String?
    /// Who decided.
    public var by: String
    /// When, RFC 3339.
    public var at: String

    public init(
        state: State, partition: Int32, offset: Int64, timestamp: Int64, bot: String, target: String? = nil, by: String, at: String
    ) {
        self.state = state
        self.partition = partition
        self.offset = offset
        self.timestamp = timestamp
        self.bot = bot
        self.target = target
        self.by = by
        self.at = at
    }

    /// `3@10482`: partition and offset of the dead letter.
    public var key: String { "\(partition)@\(offset)" }
}
