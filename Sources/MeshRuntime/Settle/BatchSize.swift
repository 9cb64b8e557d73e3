/// How many bytes go to a partition together. A topic bounds the batch, not the record (`max.message.bytes`), and refuses one that is larger with all that is in
/// it: whether a record itself is too large shows only where it goes alone.
struct BatchSize {
    /// At most, beside the first record; nil: as librdkafka has it.
    private(set) var bytes: Int32?
    private var shrunkAt: Int64 = 0
    /// Records were refused although they went alone: it was they that were too large.
    private var hasJudged = false

    /// A quarter of librdkafka's own.
    private static let first: Int32 = 250_000
    /// Less is not worth another attempt.
    private static let least: Int32 = 10_000
    /// So long smaller ones are made, in milliseconds: the topic's limit may be changed.
    private static let lasts: Int64 = 600_000

    /// Every record goes alone.
    var isAlone: Bool { bytes == 1 }

    /// A batch of several records was refused: the next are smaller.
    mutating func shrink(at uptime: Int64) {
        let next = bytes.map { $0 / 4 } ?? Self.first
        bytes = next < Self.least ? 1 : next
        shrunkAt = uptime
        hasJudged = false
    }

    /// Some that went alone were refused.
    mutating func judged() { hasJudged = isAlone }

    /// Everything was taken. Whether the next go together as before: those that were too large by themselves are gone.
    mutating func settled() -> Bool { hasJudged && grow() }

    /// Whether smaller ones were made for long enough.
    mutating func expires(at uptime: Int64) -> Bool { bytes != nil && uptime - shrunkAt >= Self.lasts && grow() }

    private mutating func grow() -> Bool {
        (bytes, hasJudged) = (nil, false)
        return true
    }
}
