import Kafka
import MeshRuntime

/// Judges what the group committed during a run: every commit in the order of their log, and what was seen of them while the run went on.
struct OffsetCheck {
    /// Commits that went back, in words.
    private(set) var regressions: [String] = []
    /// Commits that are gone, in words.
    private(set) var vanished: [String] = []
    /// Commits that the group shows and their log does not: then it was not read whole.
    private(set) var unlogged: [String] = []
    /// Commits that passed a request or a retry without an outcome, in words.
    private(set) var overtaken: [String] = []

    private let ledger: ChaosLedger

    init(_ samples: [OffsetWatch.Sample], _ log: CommitLog, _ topics: ChaosTopics, _ ledger: ChaosLedger) {
        self.ledger = ledger
        for partition in topics.groupPartitions {
            let commits = log.commits[partition] ?? []
            let seen = samples.map { $0.committed[partition] }
            judgeOrder(commits, partition)
            judgeOrder(seen, partition)
            judgeOutcomes(commits, samples, partition)
            if log.count > 0, let last = samples.last?.committed[partition], !commits.contains(last) {
                unlogged.append("\(partition) at \(last.offset)")
            }
        }
    }

    /// None may be lower than one before it, and none may be gone.
    private mutating func judgeOrder(_ commits: [CommittedOffset?], _ partition: TopicPartition) {
        var highest: Int64?
        var isThere = false
        for commit in commits {
            if let commit {
                if let highest, commit.offset < highest {
                    Self.note("\(partition) went back from \(highest) to \(commit.offset)", in: &regressions)
                }
                highest = max(commit.offset, highest ?? 0)
            } else if isThere {
                Self.note("\(partition) lost its commit of \(highest ?? 0)", in: &vanished)
            }
            isThere = commit != nil
        }
    }

    /// What the log shows and a sample too is one thing.
    private static func note(_ words: String, in list: inout [String]) { if !list.contains(words) { list.append(words) } }

    /// Each commit is judged by the ends of the logs when it was seen first, or one after it: what made it right was below them.
    private mutating func judgeOutcomes(
        _ commits: [CommittedOffset?], _ samples: [OffsetWatch.Sample], _ partition: TopicPartition
    ) {
        var judge = Judge(partition, ledger)
        var next = 0
        for sample in samples {
            guard let seen = sample.committed[partition] else { continue }
            if let place = commits[next...].firstIndex(of: seen) {
                for commit in commits[next..<place] { judge.take(commit, ends: sample.ends) }
                next = place
            }
            judge.take(seen, ends: sample.ends)
        }
        // The last ones that nobody saw: their outcomes must be there at all.
        for commit in commits[next...] { judge.take(commit, ends: nil) }
        overtaken += judge.overtaken
    }

    /// The commits of one partition beside its records.
    private struct Judge {
        private(set) var overtaken: [String] = []
        private let partition: TopicPartition
        private let ledger: ChaosLedger
        private let entries: [ChaosLedger.Entry]
        /// How many of them lie below a commit.
        private var passed = 0
        /// Those above that a commit has named as finished.
        private var named: Set<Int64> = []

        init(_ partition: TopicPartition, _ ledger: ChaosLedger) {
            self.partition = partition
            self.ledger = ledger
            entries = ledger.entries[partition] ?? []
        }

        /// Each record that the commit is the first to pass, or to name as finished, must have an outcome below `ends`; nil: anywhere.
        mutating func take(_ commit: CommittedOffset?, ends: [TopicPartition: Int64]?) {
            guard let commit else { return }
            while passed < entries.count, entries[passed].offset < commit.offset {
                if named.remove(entries[passed].offset) == nil { judge(entries[passed], ends) }
                passed += 1
            }
            for range in CommitMetadata.finished(committed: commit.offset, in: commit.metadata) {
                let first = max(passed, ledger.firstEntry(of: partition, from: range.lowerBound))
                for entry in entries[first...].prefix(while: { $0.offset <= range.upperBound })
                where named.insert(entry.offset).inserted {
                    judge(entry, ends)
                }
            }
        }

        private mutating func judge(_ entry: ChaosLedger.Entry, _ ends: [TopicPartition: Int64]?) {
            let outcomes = ledger.requests[entry.id]?.outcomes ?? []
            let isFinished = outcomes.contains { place in
                // A retry is no outcome of itself, nor of a later one.
                guard place.partition != partition || place.offset > entry.offset else { return false }
                return ends.map { place.offset < $0[place.partition] ?? 0 } ?? true
            }
            guard !isFinished, overtaken.count < 1_000 else { return }
            overtaken.append("the commit of \(partition) passed \(entry.offset) (\(entry.id)) before it had an outcome")
        }
    }
}
