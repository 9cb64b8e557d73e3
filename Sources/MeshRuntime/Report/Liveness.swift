import Kafka

/// Tells a partition that stands still from one that only waits: records are there, the committed offset does not move, and nothing explains it.
struct Liveness {
    private var last: [TopicPartition: (watermark: Int64?, since: Int64)] = [:]

    struct Look {
        var partition: TopicPartition
        /// The lowest offset that is not finished, as the ledger knows it.
        var watermark: Int64?
        /// Records from there to the end; nil when it is not known.
        var lag: Int64?
        /// Why it may stand: paused by a person, calls under way, records that wait for their time, a breaker.
        var isExplained: Bool
    }

    /// The partitions that stand still for at least `limit` milliseconds.
    mutating func stalled(_ looks: [Look], limit: Int64, at uptime: Int64) -> [TopicPartition] {
        var stalled: [TopicPartition] = []
        var next: [TopicPartition: (watermark: Int64?, since: Int64)] = [:]
        for look in looks {
            let before = last[look.partition]
            let stands = before != nil && before!.watermark == look.watermark && (look.lag ?? 0) > 0 && !look.isExplained
            let since = stands ? before!.since : uptime
            next[look.partition] = (look.watermark, since)
            if stands, uptime - since >= limit { stalled.append(look.partition) }
        }
        last = next
        return stalled.sorted()
    }
}
