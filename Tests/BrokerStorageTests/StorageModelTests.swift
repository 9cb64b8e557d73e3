import KafkaProtocol
import MeshTesting
import Testing

@testable import BrokerStorage

/// Producers of all kinds, deletions, retention, restarts and power cuts at random, against a list of what was appended.
struct StorageModelTests {
    private struct Batch: Equatable {
        var base: Int64
        var last: Int64
        var producer: Int64
        var isControl: Bool
    }

    private final class Model {
        let directory: TestDirectory
        let storage: StorageSettings
        var test: TestStore
        var log: PartitionLog
        var generator: SeededGenerator
        var batches: [Batch] = []
        /// The next sequence number by producer; those from 2 on write in transactions.
        var sequences: [Int64: Int32] = [:]
        var acknowledged: Int64 = 0
        var topic: UInt64 = 1

        init(_ seed: UInt64, strict: Bool) throws {
            generator = SeededGenerator(seed: seed)
            directory = try TestDirectory()
            var storage = StorageSettings()
            storage.syncsBeforeAcknowledging = strict
            storage.indexIntervalBytes = 200
            storage.checkpointIntervalMs = 3000
            self.storage = storage
            test = try TestStore(directory, storage)
            log = try Self.open(test, topic)
        }

        private static func open(_ test: TestStore, _ topic: UInt64) throws -> PartitionLog {
            var settings = LogSettings()
            settings.segmentBytes = 600
            settings.retentionBytes = 6000
            settings.retentionMs = -1
            return try test.store.open(TopicPartition("t", 0), topicID: WireUUID(high: 1, low: topic), settings: settings, now: test.now)
        }

        private func below(_ count: Int) -> Int { Int.random(in: 0..<count, using: &generator) }

        func step() throws {
            switch below(100) {
            case 0..<70: try append()
            case 70..<84: try end(Int64(2 + below(2)))
            case 84..<87:
                try log.advanceStart(to: Int64.random(in: log.startOffset...max(log.startOffset, log.highWatermark), using: &generator))
            case 87..<90: _ = log.maintain(now: test.now) { self.test.store.removeLater($0) }
            case 90..<95: try test.sync(checkpoint: below(2) == 0)
            case 95..<96: try reopen(after: .close)
            case 96..<97: try reopen(after: .kill)
            case 97..<99: try reopen(after: .powerCut)
            default: if below(4) == 0 { try recreate() }
            }
            test.now += 500
            if below(6) == 0 { test.store.tick(now: test.now) }
            if below(3) == 0 { test.pump() }
            acknowledged = max(acknowledged, log.highWatermark)
        }

        private func append() throws {
            let (producer, count) = (Int64(below(5)) - 1, 1 + below(3))
            let sequence = sequences[producer] ?? 0
            let bytes = batch(count, producer: producer, sequence: sequence, transactional: producer >= 2, size: 1 + below(30))
            let result = try log.append(bytes, now: test.now)
            #expect(!result.isDuplicate && result.baseOffset == log.endOffset - Int64(count))
            batches.append(Batch(base: result.baseOffset, last: result.lastOffset, producer: producer, isControl: false))
            guard producer >= 0 else { return }
            sequences[producer] = sequence + Int32(count)
            #expect(
                try log.append(bytes, now: test.now)
                    == AppendResult(
                        baseOffset: result.baseOffset, lastOffset: result.lastOffset, logAppendTime: -1, isDuplicate: true))
        }

        private func end(_ producer: Int64) throws {
            let offset = log.endOffset
            try log.endTransaction(producerID: producer, epoch: 0, commit: below(2) == 0, coordinatorEpoch: 0, now: test.now)
            batches.append(Batch(base: offset, last: offset, producer: producer, isControl: true))
        }

        private enum End { case close, kill, powerCut }

        private func reopen(after way: End) throws {
            let (start, end) = (log.startOffset, log.endOffset)
            switch way {
            case .close: test.store.close()
            case .kill: test.store.end()
            case .powerCut: test.store.cutUnsynced(using: &generator)
            }
            let now = test.now
            test = try TestStore(directory, storage)
            test.now = now
            log = try Self.open(test, topic)
            if way == .close { #expect(log.startOffset == start) }
            if way != .powerCut { #expect(log.endOffset == end) }
            if storage.syncsBeforeAcknowledging { #expect(log.endOffset >= acknowledged) }
            batches.removeAll { $0.base >= log.endOffset }
            acknowledged = log.highWatermark
            for producer in sequences.keys {
                // What a producer knows to be lost it sends again. Nothing else is.
                if way == .powerCut { sequences[producer] = nextSequence(producer) }
                #expect(nextSequence(producer) == sequences[producer])
            }
        }

        private func nextSequence(_ producer: Int64) -> Int32 {
            log.producers.entries[producer]?.batches.last.map { $0.lastSequence + 1 } ?? 0
        }

        private func recreate() throws {
            test.store.delete(log.partition)
            topic += 1
            log = try Self.open(test, topic)
            (batches, sequences, acknowledged) = ([], [:], 0)
            #expect((log.startOffset, log.endOffset) == (0, 0))
        }

        func check() throws {
            let end = log.highWatermark
            let wanted = batches.filter { $0.last >= log.startOffset && $0.base < end }
            var found: [Batch] = []
            var next = log.startOffset
            while next < end {
                let read = try log.batches(from: next, maximumBytes: 700)
                for batch in read {
                    try batch.verify()
                    let header = batch.header
                    found.append(
                        Batch(base: header.baseOffset, last: header.lastOffset, producer: header.producerID, isControl: header.isControl))
                }
                next = try #require(read.last).header.lastOffset + 1
            }
            #expect(found == wanted)
            #expect(zip(found, found.dropFirst()).allSatisfy { $0.last + 1 == $1.base })
            #expect((log.startOffset...log.highWatermark).contains(log.lastStableOffset))
            #expect(log.failure == nil)
        }
    }

    @Test(arguments: UInt64(0)..<30, [false, true])
    func whatIsReadIsWhatWasWritten(seed: UInt64, strict: Bool) throws {
        let model = try Model(seed, strict: strict)
        for step in 0..<400 {
            try model.step()
            if step % 10 == 0 { try model.check() }
        }
        try model.test.sync()
        try model.check()
    }
}
