import KafkaProtocol
import Testing

@testable import Broker

/// Random histories with crashes, failing disks, time-outs and producers that take each other's place.
@Suite struct TransactionModelTests {
    @Test(arguments: [TransactionWorld.Policy.keepsAll, .strict, .relaxed])
    func transactionsAreAllOrNothing(policy: TransactionWorld.Policy) throws {
        var (ended, fenced) = (0, 0)
        for seed in 0..<200 as Range<UInt64> {
            let world = try TransactionWorld(seed: seed, policy: policy)
            let record = ModelProducer.Record()
            let producers = try history(world, record)
            world.calmDown()
            #expect(producers.allSatisfy { !$0.isStuck }, "a request has no answer, seed \(seed)")
            try check(world, record, seed)
            ended += record.ended
            fenced += record.fenced
        }
        // The histories are not empty.
        #expect(ended > 1_500 && fenced > 900, "\(ended) \(fenced)")
    }

    private func history(_ world: TransactionWorld, _ record: ModelProducer.Record) throws -> [ModelProducer] {
        let ids = ["one", "two", "three"]
        var producers = ids.map { ModelProducer(id: $0, world: world, record: record) }
        for _ in 0..<600 {
            switch Int.random(in: 0..<100, using: &world.random) {
            case 0: try world.crash()
            case 1, 2:
                let id = ids[Int.random(in: 0..<3, using: &world.random)]
                producers.append(ModelProducer(id: id, world: world, record: record))
            case 3, 4: world.advance(by: Int64.random(in: 0...8_000, using: &world.random))
            case 5: world.failing = world.random.chance(50) ? TopicPartition("data", 1) : nil
            case 6: world.bench?.log.failure = world.random.chance(40) ? .kafkaStorageError : nil
            // Seldom where little waits for it, so that a crash has something to take.
            case 7..<25: if world.policy != .relaxed || world.random.chance(50) { world.syncAll() }
            default: producers.randomElement(using: &world.random)?.step()
            }
            if producers.count > 6 { producers.removeAll { $0.isDead } }
        }
        return producers
    }

    private func check(_ world: TransactionWorld, _ record: ModelProducer.Record, _ seed: UInt64) throws {
        var outcomes: [Int: Bool] = [:]
        var committed: [Int: Int] = [:]
        for (partition, file) in world.files {
            var open: [Int64: [Int]] = [:]
            var epochs: [Int64: Int16] = [:]
            for item in file.items {
                switch item {
                case .data(let transaction, let producer):
                    if producer.epoch < epochs[producer.id] ?? 0 { Issue.record("a fenced producer wrote, seed \(seed)") }
                    open[producer.id, default: []].append(transaction)
                case .marker(let producer, let commit):
                    if producer.epoch < epochs[producer.id] ?? 0 { Issue.record("an epoch shrinks, seed \(seed)") }
                    epochs[producer.id] = producer.epoch
                    for transaction in open.removeValue(forKey: producer.id) ?? [] {
                        if outcomes[transaction] ?? commit != commit, world.policy != .relaxed {
                            Issue.record("transaction \(transaction) is half, seed \(seed)")
                        }
                        outcomes[transaction] = commit
                        if commit { committed[transaction, default: 0] += 1 }
                    }
                }
            }
            #expect(open.isEmpty, "a transaction hangs in \(partition), seed \(seed)")
        }
        for (number, transaction) in record.transactions.enumerated() {
            if transaction.told == true, world.policy != .relaxed, committed[number, default: 0] != transaction.batches {
                Issue.record("transaction \(number) lost something, seed \(seed)")
            }
            if transaction.told == false || !transaction.askedForCommit, committed[number] != nil {
                Issue.record("transaction \(number) was not committed by its producer, seed \(seed)")
            }
        }
        try checkLog(world)
    }

    /// Epochs only grow, and nothing is left open.
    private func checkLog(_ world: TransactionWorld) throws {
        var epochs: [Int64: Int16] = [:]
        for case .record(let record, _, _, _) in world.bench?.log.entries ?? [] {
            guard case .transaction(_, let metadata?) = try TransactionLogRecord.read(record) else { continue }
            if metadata.producerEpoch < epochs[metadata.producerID] ?? 0 { Issue.record("an epoch shrinks in the log") }
            epochs[metadata.producerID] = metadata.producerEpoch
        }
        #expect(world.bench?.coordinator.transactions.values.allSatisfy { $0.metadata.state.isIdle && $0.pending == nil } == true)
    }
}
