/// How many bytes go to a partition together. A topic bounds the batch, not the record (`max.message.bytes`), and refuses one that is larger with all that is in
/// it: whether a record itself is too large shows only where it goes alone.
struct BatchSize {
    /// At most, beside the first record; nil: as librdkafka has it.
    private(set) var bytes: Int32?
    private var shrunkAt: Int64 = 0
    /// When records were last refused although they went alone: it was they that were too large.
    private var judgedAt: Int64?

    /// A sixteenth of librdkafka's own; where that is refused too, each goes alone. Each attempt takes a new producer.
    private static let smaller: Int32 = 62_500
    /// So long smaller ones are made, in milliseconds: the topic's limit may be changed.
    private static let lasts: Int64 = 600_000
    /// So long after the last that was too large by itself: more of its kind may follow.
    private static let calm: Int64 = 10_000

    /// Every record goes alone.
    var isAlone: Bool { bytes == 1 }

    /// A batch of several records was refused: the next are smaller.
    mutating func shrink(at uptime: Int64) {
        bytes = bytes == nil ? Self.smaller : 1
        (shrunkAt, judgedAt) = (uptime, nil)
    }

    /// Some that went alone were refused.
    mutating func judged(at uptime: Int64) { judgedAt = isAlone ? uptime : nil }

    /// The next go together as before when those that were too large by themselves are gone, or smaller ones were made for long enough.
    mutating func grow(at uptime: Int64) {
        guard bytes != nil else { return }
        guard judgedAt.map({ uptime - $0 >= Self.calm }) ?? (uptime - shrunkAt >= Self.lasts) else { return }
        (bytes, judgedAt) = (nil, nil)
    }
}
