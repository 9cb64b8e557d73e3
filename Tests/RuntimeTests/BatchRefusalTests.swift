import BotKit
import Envelopes
import Kafka
import MeshTesting
import Telemetry
import Testing

@testable import MeshRuntime

/// A topic takes batches up to a size, and refuses what is larger whole: only a record that is too large by itself is to blame.
@Suite(.serialized) struct BatchRefusalTests {
    private func batch(_ id: UInt64, _ topic: String, _ sizes: [Int]) -> SettleBatch {
        let records = sizes.enumerated().map { number, size in
            [
                Produced.record(
                    OutgoingRecord(
                        topic: topic, partition: 0, key: Array("\(number)".utf8), value: [UInt8](repeating: 97, count: size)))
            ]
        }
        return SettleBatch(id: id, records: records, offsets: [:])
    }

    private func answer(_ mailbox: Mailbox) async throws -> SettleOutcome {
        var outcome: SettleOutcome?
        try await eventually("an answer", within: .seconds(60)) {
            if case .element(.settled(_, let came)) = mailbox.take(limit: .zero) { outcome = came }
            return outcome != nil
        }
        return try #require(outcome)
    }

    /// The sizes of all records that a read-committed reader sees.
    private func visible(_ topic: String, _ settings: ClientSettings) async throws -> [(key: Int, size: Int)] {
        try await DedicatedThread.run(name: "read") {
            let consumer = try Consumer(settings, group: .none(reportsPartitionEnd: true))
            defer { consumer.close() }
            try consumer.assign([TopicPartition(topic, 0): .beginning])
            var seen: [(key: Int, size: Int)] = []
            let limit = Moment.current.uptime + 30_000
            while Moment.current.uptime < limit {
                switch consumer.poll(timeout: .milliseconds(100)) {
                case .record(let record):
                    seen.append((Int(String(decoding: record.key ?? [], as: UTF8.self)) ?? -1, record.value?.count ?? 0))
                case .partitionEnd: return seen
                default: break
                }
            }
            return seen
        }
    }

    /// As the engine does: what was refused is left out, what was delivered too, and the rest is sent again.
    @Test(arguments: DeliveryMode.allCases) func manySmallRecordsAreNotToBlameForTheirBatch(_ delivery: DeliveryMode) async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic("small", configuration: ["max.message.bytes": "100000"])
        let mailbox = Mailbox()
        let settler = Settler(
            client: broker.settings, settings: RuntimeSettings(bot: broker.uniqueName("SmallBot"), delivery: delivery),
            mailbox: mailbox, logger: Logger(bot: "SmallBot", level: .error))
        defer { settler.close() }
        // 400 KB of small ones; among them two that are too large by themselves.
        var sizes = [Int](repeating: 400, count: 1_000)
        let large: Set<Int> = [300, 800]
        for place in large { sizes[place] = 150_000 }
        let whole = batch(1, topic, sizes)
        var refused: Set<Int> = []
        var delivered: Set<Int> = []
        var twice = 0
        var attempts = 0
        while attempts < 12 {
            attempts += 1
            let records = whole.records.enumerated().map { refused.contains($0) || delivered.contains($0) ? [] : $1 }
            settler.submit(SettleBatch(id: UInt64(attempts), records: records, offsets: [:]), group: nil)
            guard case .failure(let failure) = try await answer(mailbox) else { break }
            let more = Set(failure.delivered.keys)
            if let last = more.max() { #expect(failure.lastBegun?.item ?? -1 >= last) }
            twice += more.intersection(delivered).count
            delivered.formUnion(more)
            let judged = failure.unwritten.filter(\.error.isRefusal)
            #expect(judged.allSatisfy { $0.topic == topic })
            refused.formUnion(judged.map(\.item))
            let isExplained = !judged.isEmpty || failure.isAnotherWay || failure.error.isRetriable || !failure.unwritten.isEmpty
            #expect(isExplained, "\(failure.error)")
        }
        #expect(attempts < 12)
        #expect(refused == large && twice == 0)
        let seen = try await visible(topic, broker.settings)
        #expect(seen.allSatisfy { $0.size == 400 })
        #expect(seen.map(\.key).sorted() == (0..<1_000).filter { !large.contains($0) }, "each once")
    }

    /// Whoever has the partition next takes for visible what a step's journal says, and would never write it.
    @Test func atLeastOnceTheStateTopicIsToldOnlyOfWhatIsDelivered() async throws {
        let broker = try await BrokerFixture.shared()
        let settings = RuntimeSettings(bot: broker.uniqueName("StepBot"), delivery: .atLeastOnce)
        let results = try await broker.makeTopic("results")
        let small = try await broker.makeTopic("refusing", configuration: ["max.message.bytes": "1000"])
        let state = settings.topics.state
        try await broker.makeTopics([NewTopic(name: state, partitions: 1)])
        let mailbox = Mailbox()
        let settler = Settler(
            client: broker.settings, settings: settings, mailbox: mailbox, logger: Logger(bot: "StepBot", level: .error))
        defer { settler.close() }
        func record(_ topic: String, _ number: Int, bytes: Int) -> Produced {
            .record(
                OutgoingRecord(
                    topic: topic, partition: 0, key: Array("\(number)".utf8), value: [UInt8](repeating: 97, count: bytes)))
        }
        // The second one's result is refused; the third has no more than its journal.
        let items = [
            [record(results, 0, bytes: 100), record(state, 0, bytes: 10)],
            [record(state, 1, bytes: 10), record(small, 1, bytes: 5_000)],
            [record(state, 2, bytes: 10)],
        ]
        settler.submit(SettleBatch(id: 1, records: items, offsets: [:]), group: nil)
        guard case .failure(let failure) = try await answer(mailbox) else {
            Issue.record("a result was refused")
            return
        }
        #expect(failure.unwritten.map(\.item) == [1] && failure.lastBegun == BatchPlace(item: 0, record: 0))
        #expect(failure.delivered == [0: [0, 1], 2: [0]])
        #expect(try await visible(results, broker.settings).map(\.key) == [0])
        #expect(try await visible(state, broker.settings).map(\.key) == [0, 2])
        let mended = [[], [record(state, 1, bytes: 20), record(small, 1, bytes: 200)], []]
        settler.submit(SettleBatch(id: 2, records: mended, offsets: [:]), group: nil)
        guard case .committed = try await answer(mailbox) else {
            Issue.record("nothing is refused any more")
            return
        }
        #expect(try await visible(state, broker.settings).map(\.key) == [0, 2, 1])
    }

    /// A topic that is missing is refused at once when the client knows of it, before what comes behind it is handed over.
    @Test func atLeastOnceWhatStandsBeforeATopicThatIsMissingIsWrittenOnce() async throws {
        let broker = try await BrokerFixture.shared()
        let settings = RuntimeSettings(bot: broker.uniqueName("MissingBot"), delivery: .atLeastOnce)
        let (results, state) = (try await broker.makeTopic("results"), settings.topics.state)
        let missing = broker.uniqueName("missing")
        try await broker.makeTopics([NewTopic(name: state, partitions: 1)])
        let mailbox = Mailbox()
        let settler = Settler(
            client: broker.settings, settings: settings, mailbox: mailbox, logger: Logger(bot: "MissingBot", level: .error))
        defer { settler.close() }
        func record(_ topic: String, _ number: Int) -> Produced {
            .record(OutgoingRecord(topic: topic, partition: 0, key: Array("\(number)".utf8), value: [97]))
        }
        let items = [[record(results, 0), record(state, 0)], [record(missing, 1)], [record(results, 2), record(state, 2)]]
        var left = items
        var names: Set<String> = []
        for attempt in 1...4 {
            settler.submit(SettleBatch(id: UInt64(attempt), records: left, offsets: [:]), group: nil)
            guard case .failure(let failure) = try await answer(mailbox) else {
                Issue.record("a topic is missing")
                return
            }
            names.insert(failure.error.name)
            #expect(failure.unwritten.map(\.item) == [1])
            for (item, places) in failure.delivered {
                left[item] = left[item].indices.filter { !places.contains($0) }.map { left[item][$0] }
            }
        }
        #expect(left.map(\.count) == [0, 1, 0] || left.map(\.count) == [0, 1, 2], "\(names)")
        #expect(try await visible(results, broker.settings).map(\.key).count { $0 == 0 } == 1)
        #expect(try await visible(state, broker.settings).map(\.key).count { $0 == 0 } == 1)
    }

    /// Nobody has said whether they are in their topic.
    @Test func atLeastOnceWhatWasSentAndNotAnsweredIsCounted() async throws {
        let cluster = try MockCluster()
        defer { cluster.close() }
        try cluster.makeTopic("late")
        let mailbox = Mailbox()
        let settler = Settler(
            client: cluster.settings, settings: RuntimeSettings(bot: "LateBot", delivery: .atLeastOnce), mailbox: mailbox,
            logger: Logger(bot: "LateBot", level: .error))
        defer { settler.close() }
        settler.submit(batch(1, "late", [10]), group: nil)
        guard case .committed = try await answer(mailbox) else { throw Unanswered() }
        try cluster.setRoundTrip(ofBroker: 1, to: .seconds(300))
        // For longer than the producer waits.
        settler.submit(batch(2, "late", [10, 10, 10]), group: nil)
        guard case .failure(let failure) = try await answer(mailbox) else { throw Unanswered() }
        #expect(failure.error.isTimeout && failure.unknown == 3, "\(failure)")
    }

    private struct Unanswered: Error {}

    /// Only what is not written yet is written again.
    @Test func atLeastOnceOfARefusedStateTopicNothingElseIsRepeated() async throws {
        let broker = try await BrokerFixture.shared()
        let settings = RuntimeSettings(bot: broker.uniqueName("StateBot"), delivery: .atLeastOnce)
        let (results, state) = (try await broker.makeTopic("results"), settings.topics.state)
        try await broker.makeTopics([NewTopic(name: state, partitions: 1, configuration: ["max.message.bytes": "1000"])])
        let mailbox = Mailbox()
        let settler = Settler(
            client: broker.settings, settings: settings, mailbox: mailbox, logger: Logger(bot: "StateBot", level: .error))
        defer { settler.close() }
        func record(_ topic: String, bytes: Int) -> Produced {
            .record(OutgoingRecord(topic: topic, partition: 0, key: [48], value: [UInt8](repeating: 97, count: bytes)))
        }
        settler.submit(
            SettleBatch(id: 1, records: [[record(results, bytes: 10), record(state, bytes: 5_000)]], offsets: [:]), group: nil)
        guard case .failure(let failure) = try await answer(mailbox) else {
            Issue.record("the state topic refuses it")
            return
        }
        #expect(failure.delivered == [0: [0]] && failure.lastBegun == BatchPlace(item: 0, record: 0) && failure.unknown == 0)
        #expect(failure.unwritten.map(\.topic) == [state])
        #expect(try await visible(results, broker.settings).count == 1)
    }

    @Test func batchesBecomeSmallerUntilEachRecordGoesAloneAndLargeAgainAfterAWhile() {
        var size = BatchSize()
        var seen: [Int32?] = []
        for _ in 0..<3 {
            size.shrink(at: 1_000)
            seen.append(size.bytes)
        }
        #expect(seen == [62_500, 1, 1])
        #expect(size.isAlone)
        size.grow(at: 600_999)
        #expect(size.isAlone, "the topic's limit is as small as that")
        size.grow(at: 601_000)
        #expect(size.bytes == nil && !size.isAlone)
    }

    /// Those that were too large are gone: no reason is left for sending each record alone, once no more of them come.
    @Test func afterAJudgementRecordsGoTogetherAgain() {
        var size = BatchSize()
        size.shrink(at: 0)
        size.judged(at: 0)
        size.grow(at: 20_000)
        #expect(size.bytes == 62_500, "it was not certain")
        size.shrink(at: 0)
        size.judged(at: 1_000)
        size.judged(at: 5_000)
        size.grow(at: 14_999)
        #expect(size.isAlone, "more may follow")
        size.grow(at: 15_000)
        #expect(size.bytes == nil)
    }
}
