import KafkaProtocol
import MeshTesting
import Testing

@testable import BrokerStorage

/// Appends, transactions, deletions, cleanings, restarts and power cuts at random, against what Kafka's rules say.
@Suite struct CleaningModelTests {
    /// What the log was given, by offsets.
    private enum Event {
        case record(Seen, producer: Int64)
        case end(offset: Int64, producer: Int64, commits: Bool)

        var offset: Int64 {
            switch self {
            case .record(let seen, _): seen.offset
            case .end(let offset, _, _): offset
            }
        }
    }

    private final class Model {
        let directory: TestDirectory
        var test: TestStore
        var log: PartitionLog
        var events: [Event] = []
        var generator: SeededGenerator
        let settings: LogSettings

        init(_ seed: UInt64) throws {
            generator = SeededGenerator(seed: seed)
            directory = try TestDirectory()
            test = try TestStore(directory)
            var settings = LogSettings.compacted(segmentBytes: 600)
            settings.deleteRetentionMs = 50_000
            self.settings = settings
            log = try test.open("t", 0, settings)
        }

        func below(_ count: Int) -> Int { Int.random(in: 0..<count, using: &generator) }

        func step() throws {
            switch below(100) {
            case 0..<75: try append()
            case 75..<88: try end(Int64(2 + below(2)))
            case 88..<90: try log.advanceStart(to: min(log.highWatermark, log.startOffset + Int64(below(20))))
            case 90..<95: try test.clean()
            case 95..<97: try reopen(cut: false)
            default: try reopen(cut: true)
            }
            test.now += 1000
            if below(8) == 0 { test.store.tick(now: test.now) }
            if below(4) == 0 { test.pump() }
        }

        private func append() throws {
            // Producers from 2 on write in transactions.
            let producer = Int64(below(5)) - 1
            let (key, value) = ("k\(below(9))", below(6) == 0 ? nil : "v\(log.endOffset)")
            let sent = events.count { if case .record(_, producer) = $0 { true } else { false } }
            let bytes = record(key, value, producer: producer, sequence: Int32(sent), transactional: producer >= 2)
            let offset = try log.append(bytes, now: test.now).baseOffset
            events.append(.record(Seen(offset: offset, key: key, value: value), producer: producer))
        }

        private func end(_ producer: Int64) throws {
            let commits = below(2) == 0
            let offset = log.endOffset
            try log.endTransaction(producerID: producer, epoch: 0, commit: commits, coordinatorEpoch: 0, now: test.now)
            events.append(.end(offset: offset, producer: producer, commits: commits))
        }

        func reopen(cut: Bool) throws {
            if below(2) == 0 { test.store.lookForDirt(now: test.now) }
            if cut { test.store.cutUnsynced(using: &generator) } else { test.store.close() }
            let now = test.now
            test = try TestStore(directory)
            test.now = now
            log = try test.open("t", 0, settings)
            events.removeAll { $0.offset >= log.endOffset }
        }

        /// What is committed and decided.
        func committed() -> [Seen] {
            var found: [Seen] = []
            var open: [Int64: [Seen]] = [:]
            for event in events {
                switch event {
                case .record(let seen, let producer):
                    if producer >= 2 { open[producer, default: []].append(seen) } else { found.append(seen) }
                case .end(_, let producer, let commits):
                    let records = open.removeValue(forKey: producer) ?? []
                    if commits { found += records }
                }
            }
            return found.filter { $0.offset < log.lastStableOffset && $0.offset >= log.startOffset }.sorted { $0.offset < $1.offset }
        }

        func check() throws {
            let (given, seen) = (committed(), try log.seen())
            let known = Dictionary(given.map { ($0.offset, $0) }) { first, _ in first }
            for one in seen { #expect(known[one.offset] == one) }
            #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.offset < $1.offset })
            let last = Dictionary(seen.map { ($0.key, $0) }) { $1 }
            for (key, wanted) in Dictionary(given.map({ ($0.key, $0) }), uniquingKeysWith: { $1 }) {
                // A tombstone may be gone, with all that it deleted.
                #expect(
                    last[key] == wanted || (wanted.value == nil && last[key] == nil),
                    "\(wanted) but \(String(describing: last[key])), from \(log.startOffset) to \(log.endOffset)")
            }
        }
    }

    @Test(arguments: UInt64(0)..<40)
    func whatIsReadIsWhatWasWritten(seed: UInt64) throws {
        let model = try Model(seed)
        for step in 0..<400 {
            try model.step()
            if step % 10 == 0 { try model.check() }
        }
        try model.test.clean()
        try model.check()
        try model.reopen(cut: false)
        try model.check()
        #expect(model.log.failure == nil && model.test.notices.isEmpty)
    }

    /// Nothing but the log files is needed.
    @Test(arguments: UInt64(100)..<110)
    func whatIsReadIsRightWithoutManifestAndIndexes(seed: UInt64) throws {
        let model = try Model(seed)
        for _ in 0..<300 { try model.step() }
        try model.test.clean()
        model.test.store.close()
        try FileSystem.remove(model.directory.path + "/data/manifest")
        for name in try FileSystem.list(model.log.directory) where !name.hasSuffix(".log") && name != "partition.metadata" {
            try FileSystem.remove(model.log.directory + "/" + name)
        }
        let (end, start) = (model.log.endOffset, model.log.startOffset)
        let again = try TestStore(model.directory)
        let log = try again.open("t", 0, model.settings)
        #expect(log.endOffset == end)
        if start > log.startOffset { try log.advanceStart(to: start) }
        #expect(again.cuts.isEmpty)
        model.test = again
        model.log = log
        try model.check()
    }
}
