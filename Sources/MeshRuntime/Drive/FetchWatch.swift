import Kafka

/// Finds partitions whose fetching has stopped by itself: they are not paused and not read to their end, and yet nothing comes.
///
/// librdkafka can lose a partition on the way between assignment, pause and resume (its issues tell of several ways); a partition that is asked for again
/// goes on.
struct FetchWatch {
    private var last: [TopicPartition: (next: Int64?, since: Int64)] = [:]

    struct Look {
        var partition: TopicPartition
        /// The offset after the last record that came; nil when none has come and none was committed.
        var next: Int64?
        /// The partition's end, as the last fetch told it; nil before the first fetch.
        var high: Int64?
        /// Up to where the client says that it has read: beyond the last record where markers of transactions follow it.
        var end: Int64?
        /// Where what is decided ends, as its leader was last asked; nil: it has not answered yet.
        var stable: Int64?
        /// Whether records are wanted: not paused, and there is room.
        var isWanted: Bool

        /// Whether there may be more.
        fileprivate var isBehind: Bool {
            // The leader knows of records of which no fetch tells, and of such that cannot be read yet.
            guard let last = stable ?? high else { return true }
            return max(next ?? 0, end ?? 0) < last
        }
    }

    /// The partitions to ask for again: nothing has come of them for `limit` milliseconds. Each is named once in that time.
    mutating func silent(_ looks: [Look], limit: Int64, at uptime: Int64) -> [Look] {
        var silent: [Look] = []
        var next: [TopicPartition: (next: Int64?, since: Int64)] = [:]
        for look in looks {
            var since = uptime
            if let before = last[look.partition], before.next == look.next, look.isWanted, look.isBehind {
                since = before.since
                if uptime - since >= limit {
                    silent.append(look)
                    since = uptime
                }
            }
            next[look.partition] = (look.next, since)
        }
        last = next
        return silent
    }
}
