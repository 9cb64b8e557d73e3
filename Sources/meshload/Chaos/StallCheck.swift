import Kafka
import MeshRuntime

/// Looks for partitions with lag whose commit stood still although nothing was amiss.
struct StallCheck {
    struct Stall {
        let seconds: Double
        let partition: TopicPartition
    }
    /// nil where none ever had lag.
    private(set) var longest: Stall?
    /// The most seconds between two looks at what was committed, while nothing was amiss.
    private(set) var longestGap = 0.0

    private let samples: [OffsetWatch.Sample]
    private let ledger: ChaosLedger

    init(_ samples: [OffsetWatch.Sample], _ topics: ChaosTopics, _ ledger: ChaosLedger, during calm: [Range<Double>]) {
        self.samples = samples
        self.ledger = ledger
        for span in calm {
            let end = span.upperBound.isFinite ? [span.upperBound] : []
            let times = [span.lowerBound] + samples.lazy.map(\.time).filter(span.contains) + end
            longestGap = zip(times, times.dropFirst()).reduce(longestGap) { max($0, $1.1 - $1.0) }
        }
        for partition in topics.groupPartitions {
            let moves: (CommittedOffset, CommittedOffset) -> Bool =
                // Before a retry that waits for its time others are finished, and only the metadata says so.
                partition.topic == topics.retry ? { $0 != $1 } : { $0.offset < $1.offset }
            for span in calm { judge(partition, span, moves) }
        }
    }

    private mutating func judge(_ partition: TopicPartition, _ span: Range<Double>, _ moves: (CommittedOffset, CommittedOffset) -> Bool) {
        var since = span.lowerBound
        let last = samples.last { $0.time < span.lowerBound }
        var before = last.map { commit(partition, $0) }
        let begin = samples.first { span.contains($0.time) }?.milliseconds ?? 0
        // A sample without lag says nothing of the time to the next one.
        var hadLag = last.map { hasLag(partition, commit(partition, $0), $0, from: begin) } ?? true
        for sample in samples where span.contains(sample.time) {
            let commit = commit(partition, sample)
            if !hadLag { since = sample.time }
            if sample.time - since > longest?.seconds ?? 0 { longest = Stall(seconds: sample.time - since, partition: partition) }
            if before.map({ moves($0, commit) }) ?? false { since = sample.time }
            (before, hadLag) = (commit, hasLag(partition, commit, sample, from: begin))
        }
    }

    private func commit(_ partition: TopicPartition, _ sample: OffsetWatch.Sample) -> CommittedOffset {
        sample.committed[partition] ?? CommittedOffset(offset: 0)
    }

    /// Whether a record lay in the partition that was not finished, and whose time had come: by what it says itself, or since it has waited for the longest
    /// delay, seen from `begin` on: whoever wrote it had a clock that was ahead.
    private func hasLag(_ partition: TopicPartition, _ commit: CommittedOffset, _ sample: OffsetWatch.Sample, from begin: Int64) -> Bool {
        let finished = CommitMetadata.finished(committed: commit.offset, in: commit.metadata)
        let open = ledger.entries[partition]?[ledger.firstEntry(of: partition, from: commit.offset)...] ?? []
        return open.prefix { $0.offset < sample.ends[partition] ?? 0 }.contains { entry in
            isDue(entry, partition, sample.milliseconds, from: begin) && !finished.contains { $0.contains(entry.offset) }
        }
    }

    private func isDue(_ entry: ChaosLedger.Entry, _ partition: TopicPartition, _ milliseconds: Int64, from begin: Int64) -> Bool {
        guard entry.due > milliseconds else { return true }
        guard let seen = samples.first(where: { $0.ends[partition] ?? 0 > entry.offset })?.milliseconds else { return false }
        return max(seen, begin) + ChaosBot.longestDelaySeconds * 1_000 <= milliseconds
    }
}
