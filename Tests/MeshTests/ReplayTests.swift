import BotKit
import Envelopes
import FoundationEssentials
import Glibc
import Kafka
import LocalBroker
import MeshTesting
import Terminal
import Testing

@testable import mesh

@Suite struct ReplayAuditTests {
    @Test func theAuditSaysWhatIsReplayedAndWhere() {
        func subject(_ target: ReplayTarget, calls: Bool = false, _ source: String = "build.* code.committed") -> String {
            let order = ReplayOrder(
                replay: ReplayID(at: Timestamp(milliseconds: 1_767_323_045_000)), target: target, filter: RecordFilter(), pace: .unlimited,
                allowsCalls: calls, takesReplays: false, isDryRun: false)
            return ReplayAudit(settings: ClientSettings(bootstrapServers: "x:1"), order: order, source: source).subject
        }
        #expect(subject(.origin) == "build.* code.committed")
        #expect(subject(.topic("copy")) == "build.* code.committed into copy")
        #expect(subject(.bot("TestBot"), calls: true) == "build.* code.committed to TestBot alone, calls allowed")
        let long = subject(.bot("TestBot"), calls: true, String(repeating: "x", count: 900))
        #expect(long.count == 512 && long.hasSuffix("… to TestBot alone, calls allowed"))
    }
}

@Suite struct SkippedGroupsTests {
    private func record(_ place: String, _ actor: String, _ reason: String?, at: String = "2026-01-01T00:00:00.000Z") -> SkippedRecord {
        SkippedRecord(
            AuditRecord(
                actor: actor, chain: "c", sequence: 0, action: "replay.skipped", subject: place, code: "replay-skipped",
                result: reason.map { ["message": .string($0)] }, at: at))
    }

    @Test func recordsOfOneOriginBotAndReasonCountTogether() {
        var groups = SkippedGroups()
        groups.add(record("code.committed[3]@17", "BuildBot-2", "no result", at: "2026-01-01T00:00:02.000Z"))
        groups.add(record("code.committed[3]@4", "BuildBot-1", "no result", at: "2026-01-01T00:00:03.000Z"))
        groups.add(record("code.committed[3]@5", "BuildBot-1", nil))
        groups.add(record("code.committed[4]@5", "BuildBot-1", "no result"))
        groups.add(record("code.committed[4]@5", "TestBot-1", "no result"))
        groups.add(record("no place", "TestBot-1", "no result"))
        #expect(groups.count == 6)
        #expect(groups.byReason.map(\.reason) == ["no result", "replay-skipped"])
        let first = groups.byReason[0].groups
        #expect(first.map(\.origin) == ["code.committed[3]", "code.committed[4]", "code.committed[4]", "no place"])
        #expect(first.map(\.bot) == ["BuildBot", "BuildBot", "TestBot", "TestBot"])
        #expect(first[0].count == 2 && first[0].firstOffset == 4 && first[0].lastOffset == 17)
        #expect(first[0].firstAt == "2026-01-01T00:00:02.000Z" && first[0].lastAt == "2026-01-01T00:00:03.000Z")
    }

    @Test func memoryIsBounded() {
        var groups = SkippedGroups()
        for offset in 0..<12_000 { groups.add(record("topic\(offset)[0]@1", "A-1", "x")) }
        #expect(groups.count == 12_000)
        #expect(groups.sorted.count == 10_001)
        #expect(groups.sorted.first { $0.topic == "others" }?.count == 2_000)
    }
}

@Suite struct ReplayRecordTests {
    private func record(
        _ topic: String = "code.committed", partition: Int32 = 3, key: [UInt8]? = [1], value: String = #"{"payload":{}}"#,
        headers: Headers = []
    ) -> Record {
        Record(
            topicPartition: TopicPartition(topic, partition), offset: 42, key: key, value: Array(value.utf8), headers: headers,
            timestamp: RecordTimestamp(kind: .created, milliseconds: 1_795_261_476_250))
    }

    private func make(_ record: Record, _ target: ReplayTarget = .origin, calls: Bool = false) -> OutgoingRecord {
        ReplayRecord(
            replay: "r1", target: target, allowsCalls: calls,
            partitions: ["code.committed": 6, "retry.buildbot": 4, "copy": 6, "small": 2]
        ).make(record, .of(record))
    }

    private func text(_ name: String, _ record: OutgoingRecord) -> String? {
        record.headers.last { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func keyValueAndHeadersStayAndTheReplayIsMarked() {
        let made = make(record(headers: [Header("x", [0xff]), Header("x", nil), Header("ce_id", text: "a")]))
        #expect(made.topic == "code.committed" && made.key == [1] && made.value == Array(#"{"payload":{}}"#.utf8))
        #expect(Array(made.headers.prefix(3)) == [Header("x", [0xff]), Header("x", nil), Header("ce_id", text: "a")])
        #expect(text("mesh_replay", made) == "r1")
        #expect(text("mesh_replay_origin", made) == "code.committed[3]@42")
        #expect(text("mesh_replay_timestamp", made) == "1795261476250")
        #expect(text("mesh_replay_calls", made) == nil)
        #expect(text("mesh_replay_calls", make(record(), calls: true)) == "1")
        #expect(made.timestampMilliseconds == nil)
    }

    @Test func marksOfAnEarlierReplayGiveWayAndWhatOnlyOwnTopicsHaveIsDropped() {
        let old = [
            Header("mesh_replay", text: "old"), Header("mesh_replay_calls", text: "1"), Header("mesh_attempts", text: "7"),
            Header("mesh_not_before", text: "9"), Header("mesh_replay_of", text: "id"),
        ]
        let made = make(record(headers: Headers(old)))
        #expect(made.headers.filter { $0.name == "mesh_replay" } == [Header("mesh_replay", text: "r1")])
        #expect(["mesh_replay_calls", "mesh_attempts", "mesh_not_before"].allSatisfy { text($0, made) == nil })
        #expect(text("mesh_replay_of", made) == "id")
    }

    @Test func whatAnEnvelopeTookFromItsPlaceGoesAlong() throws {
        let original = record()
        let made = make(original)
        let again = Record(
            topicPartition: TopicPartition("code.committed", 5), offset: 99, key: made.key, value: made.value, headers: made.headers,
            timestamp: RecordTimestamp(kind: .created, milliseconds: 9))
        let (before, after) = (try #require(RecordContent.of(original).envelope), try #require(RecordContent.of(again).envelope))
        #expect(after.id == before.id && after.timestamp == before.timestamp && after.correlationID == before.correlationID)
        #expect(after.replay == "r1")
        let named = make(record(value: #"{"id":"own","timestamp":"2026-01-01T00:00:00Z","payload":{}}"#))
        #expect(text("ce_id", named) == nil && text("ce_time", named) == nil)
    }

    @Test func aKeyKeepsItsPartitionWhereTheTopicsAreAlike() {
        #expect(make(record()).partition == 3)
        #expect(make(record(), .topic("copy")).partition == 3)
        #expect(make(record(), .topic("small")).partition == nil)
        #expect(make(record(key: nil), .topic("small")).partition == 1)
    }

    @Test func forOneBotItGoesToItsRetryTopicWithItsOrigin() {
        let made = make(record(), .bot("BuildBot"))
        #expect(made.topic == "retry.buildbot")
        #expect(text("kafka_dlt-original-topic", made) == "code.committed")
        #expect(text("kafka_dlt-original-partition", made) == "3")
        #expect(text("kafka_dlt-original-offset", made) == "42")
        #expect(text("kafka_dlt-original-timestamp-type", made) == "CreateTime")
        #expect(text("kafka_dlt-original-consumer-group", made) == "BuildBot")
        let moved = make(record(headers: [Header("kafka_dlt-original-offset", text: "7")]), .bot("BuildBot"))
        #expect(moved.headers.filter { $0.name == "kafka_dlt-original-offset" } == [Header("kafka_dlt-original-offset", text: "7")])
    }

    @Test func aReplaysIDTellsWhenItBegan() throws {
        let id = ReplayID(at: Timestamp(milliseconds: 1_795_261_476_250))
        #expect(try #require(ReplayID(id.text)) == id)
        for text in ["", "abc", "4c52e21c-7b8c-5841-977d-811fef0fb4b1"] { #expect(ReplayID(text) == nil) }
    }
}

@Suite struct ReplayPaceTests {
    @Test func aRateAndTheOriginalGapsSayWhenARecordIsDue() throws {
        #expect(try ReplayPace(rate: nil, speed: nil).due(number: 100, time: 5_000, first: 0) == 0)
        let rate = try ReplayPace(rate: 50, speed: nil)
        #expect(rate.due(number: 0, time: 9_000, first: 0) == 0 && rate.due(number: 100, time: 0, first: 0) == 2_000)
        let speed = try ReplayPace(rate: nil, speed: "10x")
        #expect(speed.due(number: 3, time: 61_000, first: 1_000) == 6_000)
        #expect(speed.due(number: 3, time: 500, first: 1_000) == 0, "a record that is older than the first is due at once")
        #expect(speed.due(number: 3, time: .max, first: -1) == 0)
        #expect(speed.estimate(count: 4, first: 1_000, last: 61_000) == .seconds(6))
        #expect(rate.estimate(count: 101, first: 0, last: 0) == .seconds(2))
        #expect(rate.estimate(count: 0, first: 0, last: 0) == .zero)
        #expect(try ReplayPace(rate: nil, speed: nil).estimate(count: 9, first: 0, last: 9) == nil)
    }

    @Test(arguments: ["x", "fast", "0x", "-1x", "nan", "1e9"]) func whatIsNoFactorIsRefused(speed: String) {
        #expect(throws: UsageError.self) { try ReplayPace(rate: nil, speed: speed) }
        #expect(throws: UsageError.self) { try ReplayPace(rate: 1, speed: "1x") }
    }
}

@Suite struct AlreadyWrittenTests {
    /// Whatever of the last `window` records is missing: what was written is known, and what was not is never taken for written.
    @Test func anInterruptIsUnderstoodWhereverItFalls() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<50 {
            let window = Int.random(in: 1...20, using: &random)
            var next: [Int64] = [0, 0, 0]
            var sent: [(TopicPartition, Int64)] = []
            for _ in 0..<Int.random(in: 0...400, using: &random) {
                let partition = Int.random(in: 0..<3, using: &random)
                next[partition] += Int64.random(in: 1...5, using: &random)
                sent.append((TopicPartition("a.b", Int32(partition)), next[partition]))
            }
            let certain = max(0, sent.count - window)
            let lost = Set((certain..<max(certain, sent.count)).filter { _ in Bool.random(using: &random) })
            var already = AlreadyWritten(window: window)
            for place in sent.indices.filter({ !lost.contains($0) }).shuffled(using: &random) {
                already.take("\(sent[place].0)@\(sent[place].1)")
            }
            for place in sent.indices { #expect(already.contains(sent[place].0, sent[place].1) == !lost.contains(place)) }
            for partition in 0..<3 { #expect(!already.contains(TopicPartition("a.b", Int32(partition)), next[partition] + 1)) }
        }
    }

    @Test(arguments: ["", "@", "a[0]", "a[x]@1", "a]0[@1", "a[0]@x", "[@]"]) func whatIsNoPlaceIsPassedOver(text: String) {
        var already = AlreadyWritten(window: 1)
        already.take(text)
        #expect(already.count == 0)
    }
}

@Suite struct RecordLineTests {
    @Test func aRecordIsReadBackByteForByte() throws {
        let bytes: [[UInt8]?] = [nil, [], Array("text \"quoted\"\n".utf8), [0xff, 0, 0xc3], Array(repeating: 0xfe, count: 1_000)]
        let kinds: [RecordTimestamp] = [.none, .init(kind: .created, milliseconds: 5), .init(kind: .appended, milliseconds: 6)]
        for (place, key) in bytes.enumerated() {
            for value in bytes {
                let record = Record(
                    topicPartition: TopicPartition("a.b", 2), offset: 7, key: key, value: value,
                    headers: [Header("x", value), Header("x", key), Header("", nil)], timestamp: kinds[place % 3])
                let line = RecordLine.bytes(record)
                #expect(!line.contains(0x0a))
                #expect(try RecordLine.read(line, place: "f:1") == record)
            }
        }
    }

    @Test func longTextIsKeptInBase64SinceEscapedItMayBeSixTimesAsLong() throws {
        let record = Record(
            topicPartition: TopicPartition("mesh.dlq", 0), offset: 7, key: nil, value: [UInt8](repeating: 1, count: 1 << 20 + 1),
            headers: [], timestamp: .none)
        let line = RecordLine.bytes(record)
        #expect(line.count < 3 << 20)
        #expect(RecordLine.topic(line) == "mesh.dlq")
        #expect(try RecordLine.read(line, place: "f:1") == record)
    }

    @Test func aDeadLetterTooLargeToBeReadIsNoObstacleToTheEventsBesideIt() throws {
        let path = try TemporaryDirectory.make() + "/kept.jsonl"
        let sink = try RecordSink(path, replaces: false)
        let event = Record(
            topicPartition: TopicPartition("code.committed", 0), offset: 7, key: nil, value: [1], headers: [], timestamp: .none)
        try sink.write(event)
        #expect(try sink.finish())
        sink.close()
        let large =
            Array(#"{"topic":"mesh.dlq","partition":0,"offset":0,"key":null,"value":""#.utf8) + [UInt8](repeating: 0x61, count: 17 << 20)
        let file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
        let lines = large + Array("\"}\n".utf8) + RecordLine.bytes(event)
        #expect(write(file, lines, lines.count) == lines.count)
        close(file)
        let source = try FileSource(path, nil)
        for _ in 0..<2 { #expect(try source.next(StopSign()) == event) }
        #expect(try source.next(StopSign()) == nil)
        let meant = try FileSource(path, TopicChoice(["mesh.dlq"]))
        #expect(throws: UsageError.self) { try meant.next(StopSign()) }
    }

    @Test func aFileWithoutTheChosenTopicNamesTheNearest() throws {
        let path = try TemporaryDirectory.make() + "/kept.jsonl"
        let sink = try RecordSink(path, replaces: false)
        try sink.write(
            Record(topicPartition: TopicPartition("code.committed", 0), offset: 7, key: nil, value: [1], headers: [], timestamp: .none))
        #expect(try sink.finish())
        sink.close()
        for (word, message) in [
            ("cod.committed", "no topic 'cod.committed' in \(path); did you mean 'code.committed'?"), ("code.committed", nil),
            ("build.*", "no topic in \(path) matches 'build.*'"), ("code.*", nil),
        ] {
            let source = try FileSource(path, TopicChoice([word]))
            while try source.next(StopSign()) != nil {}
            var problem: String?
            do { try source.checkChoice() } catch { problem = error.message }
            #expect(problem == message)
        }
    }

    @Test func whatTheOneBotDoesNotTakeEndsAReplayOfAFileBeforeAnythingIsWritten() throws {
        let path = try TemporaryDirectory.make() + "/kept.jsonl"
        let sink = try RecordSink(path, replaces: false)
        for topic in ["build.completed", "code.committed"] { try sink.write(event(topic)) }
        #expect(try sink.finish())
        sink.close()
        let consumed = [try EventPattern(parsing: "build.completed")]
        func scan(_ filter: RecordFilter = RecordFilter(), maximum: Int? = nil, topics: [String: Int32] = ["retry.testbot": 1]) throws {
            let order = ReplayOrder(
                replay: ReplayID(at: .now), target: .bot("TestBot"), filter: filter, pace: .unlimited, maximum: maximum,
                allowsCalls: false, takesReplays: false, isDryRun: false)
            try CheckedSource(FileSource(path, nil), TopicMap(partitions: topics), order, consumed: consumed).scan(StopSign())
        }
        #expect(CheckedSource.canScan(path) && !CheckedSource.canScan("-") && !CheckedSource.canScan("/dev/null"))
        #expect {
            try scan()
        } throws: {
            ($0 as? CommandFailure)?.description.hasPrefix("TestBot does not consume code.committed. It consumes: build.completed") == true
        }
        #expect {
            try scan(topics: [:])
        } throws: {
            ($0 as? CommandFailure)?.description.hasPrefix("there is no topic retry.testbot here.") == true
        }
        // What is not replayed need not be taken.
        try scan(RecordFilter(correlation: "another run"))
        try scan(maximum: 1)
    }

    private func event(_ topic: String, _ headers: Headers = []) -> Record {
        Record(topicPartition: TopicPartition(topic, 0), offset: 7, key: nil, value: [1], headers: headers, timestamp: .none)
    }

    @Test func onlyItsOwnerMayReadAFileOfRecords() throws {
        let path = try TemporaryDirectory.make() + "/kept.jsonl"
        let sink = try RecordSink(path, replaces: false)
        try sink.write(event("a"))
        #expect(access(path, F_OK) != 0, "it is there when it is whole")
        #expect(try sink.finish())
        sink.close()
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o077 == 0)
    }

    @Test func anEarlierRecordingStaysUntilTheNewOneIsWhole() throws {
        let directory = try TemporaryDirectory.make()
        let path = directory + "/kept.jsonl"
        func record(_ topics: [String], isWhole: Bool = true, replaces: Bool = true) throws -> Bool {
            let sink = try RecordSink(path, replaces: replaces)
            defer { sink.close() }
            for topic in topics { try sink.write(event(topic)) }
            return try sink.finish(isWhole: isWhole)
        }
        func kept() throws -> String? { try FileSource(path, nil).next(StopSign())?.topic }
        #expect(try !record([]) && access(path, F_OK) != 0, "what finds nothing makes no file")
        #expect(try record(["a"], isWhole: false, replaces: false))
        #expect(try !record([]))
        #expect(try !record(["b"], isWhole: false))
        #expect(try kept() == "a")
        #expect(try record(["b"]))
        #expect(try kept() == "b")
        #expect(throws: CommandFailure.self) { try record(["c"], replaces: false) }
        #expect(throws: CommandFailure.self, "it is known before anything is read") {
            try RecordSink(directory + "/away/kept.jsonl", replaces: true)
        }
        // Somebody made it meanwhile.
        let late = try RecordSink(directory + "/late", replaces: false)
        try late.write(event("a"))
        close(open(directory + "/late", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600))
        #expect(throws: CommandFailure.self) { try late.finish() }
        late.close()
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory).sorted() == ["kept.jsonl", "late"])
    }

    @Test(arguments: [
        "", "{", "[]", #"{"topic":"a","partition":0,"offset":0,"key":null}"#,
        #"{"topic":"a b","partition":0,"offset":0,"key":null,"value":null}"#,
        #"{"topic":"a","partition":-1,"offset":0,"key":null,"value":null}"#,
        #"{"topic":"a","partition":0,"offset":0,"key":5,"value":null}"#,
        #"{"topic":"a","partition":0,"offset":0,"key_base64":"?","value":null}"#,
        #"{"topic":"a","partition":0,"offset":0,"key":null,"value":null,"headers":[{"value":"x"}]}"#,
    ])
    func whatIsNoRecordIsRefusedWithItsPlace(line: String) {
        let error = #expect(throws: UsageError.self) { try RecordLine.read(Array(line.utf8), place: "file:3") }
        #expect(error?.message.hasPrefix("file:3: ") == true)
    }
}

/// Replays at a real broker.
@Suite(.timeLimit(.minutes(10))) struct ReplayerTests {
    private final class Given: RecordSource {
        private var records: ArraySlice<Record>
        var total: Int? { nil }
        init(_ records: [Record]) { self.records = records[...] }
        func next(_ stop: StopSign) throws -> Record? { records.popFirst() }
        func close() {}
    }

    /// What is too large for the topic, and what is too large for the client: neither takes others along.
    @Test(arguments: [10_000, 200_000]) func aRefusedRecordIsCountedAndTheOthersAreWritten(size: Int) async throws {
        let broker = try await BrokerFixture.shared()
        let topic = "\(broker.uniqueName("replayed")).all"
        try await broker.makeTopics([NewTopic(name: topic, partitions: 1, configuration: ["max.message.bytes": "9000"])])
        let records = (0..<50).map { number in
            Record(
                topicPartition: TopicPartition("code.committed", 0), offset: Int64(number), key: nil,
                value: [UInt8](repeating: 1, count: number % 20 == 7 ? size : 10), headers: [], timestamp: .none)
        }
        let order = ReplayOrder(
            replay: ReplayID(at: .now), target: .topic(topic), filter: RecordFilter(), pace: try ReplayPace(rate: nil, speed: nil),
            allowsCalls: false, takesReplays: false, isDryRun: false)
        let (report, end) = try await DedicatedThread.run(name: "replay") {
            let producer = try Producer(broker.settings, ProducerSettings(maximumRecordBytes: 100_000))
            defer { producer.close() }
            let replayer = Replayer(
                order, Given(records), partitions: [topic: 1], already: AlreadyWritten(window: Replayer.window), producer: producer,
                stop: StopSign(), environment: [:])
            let report = try replayer.run()
            let reader = try RecordReader(broker.settings)
            defer { reader.close() }
            return (report, try reader.consumer.watermarks(of: TopicPartition(topic, 0)).high)
        }
        #expect(report.records == 50 && report.refused == 3 && report.written == 47)
        #expect(end == 47)
        #expect(report.refusals.first?.hasPrefix("code.committed[0]@7: ") == true)
    }

    @Test func whatHadReadEverythingWasNotInterrupted() throws {
        let event = Record(topicPartition: TopicPartition("a", 0), offset: 0, key: nil, value: [1], headers: [], timestamp: .none)
        func run(_ maximum: Int?) throws -> ReplayReport {
            let order = ReplayOrder(
                replay: ReplayID(at: .now), target: .origin, filter: RecordFilter(), pace: .unlimited, maximum: maximum,
                allowsCalls: false, takesReplays: false, isDryRun: true)
            let stop = StopSign()
            stop.set()
            return try Replayer(
                order, Given([event, event]), partitions: [:], already: AlreadyWritten(window: 1), producer: nil, stop: stop,
                environment: [:]
            ).run()
        }
        #expect(try !run(2).isInterrupted)
        #expect(try run(nil).isInterrupted)
    }

    @Test func aDryRunThatWasStoppedSaysSoAndNamesNothingToGoOnWith() throws {
        var report = ReplayReport(replay: "r", isDryRun: true, records: 5)
        report.isInterrupted = true
        let order = ReplayOrder(
            replay: ReplayID(at: .now), target: .origin, filter: RecordFilter(), pace: try ReplayPace(rate: nil, speed: nil),
            allowsCalls: false, takesReplays: false, isDryRun: true)
        let path = try TemporaryDirectory.make() + "/said"
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        try ReplayView(report: report, order: order).write(to: Output(format: .text, descriptor: file, environment: [:]))
        close(file)
        let said = try #require(try LineReader(path).next().map { String(decoding: $0, as: UTF8.self) })
        #expect(said.hasPrefix("stopped: would replay at least 5 records"))
    }
}
