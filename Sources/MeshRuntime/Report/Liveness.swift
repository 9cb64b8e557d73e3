import Kafka

/// Tells a partition that stands still from one that only waits: records are there, the committed offset does not move, and nothing explains it.
struct Liveness {
    private var last: [TopicPartition: (committed: Int64?, since: Int64)] = [:]
    private(set) var stalled: [TopicPartition] = []

    struct Look {
        var partition: TopicPartition
        /// What the broker has confirmed; nil before the first commit.
        var committed: Int64?
        /// Records that are not committed; nil when it is not known, because nothing was ever fetched: that is no standstill's excuse.
        var lag: Int64?
        /// Why it may stand: paused by a person, calls under way, records that wait for their time, a breaker.
        var explanation: String?
    }

    struct Change: Equatable {
        /// Stand still since this look.
        var began: [TopicPartition]
        /// Stood still until this look.
        var ended: [TopicPartition]
    }

    /// Takes one look at every partition of the process, and tells what changed in `stalled`: the partitions that stand still for at least `limit` milliseconds.
    mutating func look(_ looks: [Look], limit: Int64, at uptime: Int64) -> Change {
        var standing: [TopicPartition] = []
        var next: [TopicPartition: (committed: Int64?, since: Int64)] = [:]
        for look in looks {
            var since = uptime
            if let before = last[look.partition], before.committed == look.committed, look.lag ?? 1 > 0, look.explanation == nil {
                since = before.since
                if uptime - since >= limit { standing.append(look.partition) }
            }
            next[look.partition] = (look.committed, since)
        }
        last = next
        let before = Set(stalled)
        stalled = standing.sorted()
        return Change(began: stalled.filter { !before.contains($0) }, ended: before.subtracting(stalled).sorted())
    }
}
