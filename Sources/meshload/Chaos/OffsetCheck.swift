import Kafka
import MeshRuntime

/// Judges what the group committed during a run, sample by sample.
struct OffsetCheck {
    /// Commits that went back, in words.
    private(set) var regressions: [String] = []
    /// Commits that passed a request without an outcome, in words.
    private(set) var overtaken: [String] = []

    init(_ samples: [OffsetWatch.Sample], _ topics: ChaosTopics, _ ledger: ChaosLedger) {
        var last: [TopicPartition: Int64] = [:]
        var judged: [TopicPartition: Int] = [:]
        for sample in samples {
            for (partition, commit) in sample.committed {
                if let before = last[partition], commit.offset < before {
                    regressions.append("\(partition) went back from \(before) to \(commit.offset)")
                }
                last[partition] = max(commit.offset, last[partition] ?? 0)
            }
            for partition in topics.inputPartitions {
                guard let commit = sample.committed[partition], let inputs = ledger.inputs[partition] else { continue }
                var next = judged[partition, default: 0]
                while next < inputs.count, inputs[next].offset < commit.offset {
                    judge(inputs[next], partition, sample, ledger)
                    next += 1
                }
                judged[partition] = next
                judgeRanges(commit, partition, sample, ledger, from: next)
            }
        }
    }

    /// The ranges that a commit names as finished above its offset.
    private mutating func judgeRanges(
        _ commit: CommittedOffset, _ partition: TopicPartition, _ sample: OffsetWatch.Sample, _ ledger: ChaosLedger, from next: Int
    ) {
        let ranges = CommitMetadata.finished(committed: commit.offset, in: commit.metadata)
        guard let last = ranges.last, let inputs = ledger.inputs[partition] else { return }
        for input in inputs[next...].prefix(while: { $0.offset <= last.upperBound })
        where ranges.contains(where: { $0.contains(input.offset) }) {
            judge(input, partition, sample, ledger)
        }
    }

    /// The request's first outcome must have been in its log when the commit was seen.
    private mutating func judge(
        _ input: (offset: Int64, id: String), _ partition: TopicPartition, _ sample: OffsetWatch.Sample, _ ledger: ChaosLedger
    ) {
        let outcomes = ledger.requests[input.id]?.outcomes ?? []
        guard !outcomes.contains(where: { $0.offset < sample.ends[$0.partition] ?? 0 }), overtaken.count < 1_000 else { return }
        overtaken.append("the commit of \(partition) passed \(input.offset) (\(input.id)) before it had an outcome")
    }

    /// The longest time that a partition of requests with lag stood still after `healed`, in seconds. nil when none ever had lag.
    static func longestStall(
        _ samples: [OffsetWatch.Sample], _ topics: ChaosTopics, after healed: Double
    ) -> (seconds: Double, partition: TopicPartition)? {
        var longest: (seconds: Double, partition: TopicPartition)?
        for partition in topics.inputPartitions {
            var since = healed
            var before = Int64.max
            for sample in samples {
                let offset = sample.committed[partition]?.offset ?? 0
                let hasLag = offset < sample.ends[partition] ?? 0
                if sample.time > healed {
                    let stall = sample.time - since
                    if stall > longest?.seconds ?? 0 { longest = (stall, partition) }
                }
                if offset > before || !hasLag { since = max(healed, sample.time) }
                before = offset
            }
        }
        return longest
    }
}
