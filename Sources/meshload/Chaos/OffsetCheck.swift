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
    /// Commits that no longer say of a record that it is finished, in words: whoever takes its partition then handles it again.
    private(set) var forgetful: [String] = []

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
        forgetful += judge.forgetful
    }

    /// The commits of one partition beside its records.
    private struct Judge {
        private(set) var overtaken: [String] = []
        private(set) var forgetful: [String] = []
        private let partition: TopicPartition
        private let ledger: ChaosLedger
        private let entries: [ChaosLedger.Entry]
        /// How many of them lie below a commit.
        private var passed = 0
        /// Those above that a commit has named as finished.
        private var named: Set<Int64> = []
        /// What the last commit named.
        private var before: [ClosedRange<Int64>] = []

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
            let finished = CommitMetadata.finished(committed: commit.offset, in: commit.metadata)
            if let offset = forgotten(by: finished) {
                OffsetCheck.note("the commit of \(partition) at \(commit.offset) no longer says that \(offset) is finished", in: &forgetful)
            }
            before = finished
            for range in finished { for entry in open(in: range) where named.insert(entry.offset).inserted { judge(entry, ends) } }
        }

        /// The records of a range that no commit has passed.
        private func open(in range: ClosedRange<Int64>) -> some Sequence<ChaosLedger.Entry> {
            entries[max(passed, ledger.firstEntry(of: partition, from: range.lowerBound))...].prefix { $0.offset <= range.upperBound }
        }

        /// The first record that the commit before has named as finished, and that this one neither passes nor names.
        private func forgotten(by finished: [ClosedRange<Int64>]) -> Int64? {
            var place = 0
            for range in before {
                for entry in open(in: range) {
                    while place < finished.count, finished[place].upperBound < entry.offset { place += 1 }
                    guard place < finished.count, finished[place].contains(entry.offset) else { return entry.offset }
                }
            }
            return nil
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
