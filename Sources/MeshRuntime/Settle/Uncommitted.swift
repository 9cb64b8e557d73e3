import Kafka

/// At-least-once: results that were delivered and whose offsets are not known to be committed. A crash repeats so many.
struct Uncommitted {
    private(set) var count = 0
    /// How many of them the commit takes along that is under way, and of which partitions; nil: none is.
    private var asked: (count: Int, partitions: Set<TopicPartition>)?
    /// The last commit could not even be asked for.
    private var isHeldUp = false
    /// When one that could not be asked for is tried again, in milliseconds of the monotonic clock.
    private(set) var askAgainAt: Int64?

    /// Since when a commit is under way or refused, in milliseconds of the monotonic clock.
    private(set) var waitsSince: Int64?

    var isAsked: Bool { asked != nil }
    /// Whose offsets are under way.
    var askedPartitions: Set<TopicPartition> { asked?.partitions ?? [] }

    mutating func delivered(_ results: Int) { count += results }

    /// A commit that takes all of them along is asked for. Whether it can go out shows afterwards.
    mutating func asks(of partitions: some Sequence<TopicPartition>, at instant: Int64) {
        (asked, askAgainAt) = ((count, Set(partitions)), nil)
        waitsSince = waitsSince ?? instant
    }

    /// It is tried again at once.
    mutating func waitsNoMore() { askAgainAt = nil }

    /// What became of the commit that was asked for; one that the broker refused has committed none.
    mutating func answered(isCommitted: Bool) {
        if isCommitted, let asked { count -= asked.count }
        if isCommitted { waitsSince = nil }
        (asked, isHeldUp) = (nil, false)
    }

    /// It could not be asked for, and is tried again then.
    mutating func waits(until instant: Int64) { (asked, askAgainAt, isHeldUp, waitsSince) = (nil, instant, true, nil) }

    /// No offset belongs to them: they are steps, or their partitions are gone.
    mutating func forget() { self = Uncommitted() }

    /// How many more may be delivered before the next answer, so that a crash repeats no more than `window`. While commits are held up, all that may be delivered will be: a
    /// quarter of the window is left then for new results that come in between, since what waits for calls is not repeated in order.
    func room(in window: Int) -> Int { max(0, (isHeldUp ? window - window / 4 : window) - count) }
}
