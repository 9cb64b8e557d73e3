import BotKit
import Envelopes
import FoundationEssentials
import Kafka
import MeshTesting
import Synchronization
import Telemetry
import Testing

@testable import MeshRuntime

/// The drivers around the engine, on a real broker: results, state and offsets are one, also when the process ends in the middle.
@Suite(.serialized) struct BrokerTests {
    private struct EffortPerformer: CallPerformer {
        /// Calls with numbers from 5,000 on wait until it is open.
        let gate: Gate

        func perform(_ request: Effort, _ context: CallContext) async throws(CallFailure) -> Effort.Response {
            context.log(LogLine(step: "effort", stream: .stdout, text: "number \(request.number)"))
            do {
                try await Task.sleep(for: .milliseconds(20))
                while request.number >= 5_000, !gate.isOpen.load(ordering: .relaxed) { try await Task.sleep(for: .milliseconds(20)) }
            } catch {
                throw CallFailure(.cancelled, code: "cancelled", message: "cancelled")
            }
            return Effort.Response(number: request.number)
        }
    }

    private final class Gate: Sendable {
        let isOpen: Atomic<Bool>
        init(isOpen: Bool = false) { self.isOpen = Atomic(isOpen) }
    }

    /// A bot's process within the test's: the same loop, without signals.
    private final class Instance: Sendable {
        let mailbox = Mailbox()
        private let ended = Mutex<Bool>(false)

        init<B: Bot>(
            _: B.Type, _ broker: BrokerFixture, delivery: DeliveryMode, member: String?, state: String? = nil, replica: Int = 1,
            limits: Limits = Limits(), gate: Gate = Gate(isOpen: true), log: any LogOutput = DescriptorOutput.standardError,
            level: Logger.Level = .error
        ) throws {
            let configuration = BotConfiguration(name: B.contract.name)
            let bot = try B(configuration: configuration)
            var performers = CallPerformers()
            performers.register(EffortPerformer(gate: gate))
            var options = ProcessOptions(
                settings: RuntimeSettings(bot: B.contract.name, replica: replica, delivery: delivery, limits: limits),
                client: broker.settings, configuration: configuration,
                catalogue: EventCatalogue(), performers: performers, groupInstanceID: member,
                logger: Logger(bot: B.contract.name, level: level, output: log))
            options.stateDirectory = state
            // As much as the main thread has, where a bot runs otherwise.
            DedicatedThread.start(name: "bot", stackBytes: 8 << 20) { [self, options] in
                do {
                    try BotProcess.run(anyBot: bot, options, mailbox: mailbox)
                } catch is ProcessFailure {
                    // Told to fail by the test.
                } catch {
                    Issue.record("\(error)")
                }
                ended.withLock { $0 = true }
            }
        }

        var hasEnded: Bool { ended.withLock { $0 } }
    }

    private func topics(_ broker: BrokerFixture) async throws {
        var topics = [Work.type.name, WorkStarted.type.name, WorkDone.type.name].map { NewTopic(name: $0, partitions: 3) }
        topics.append(NewTopic(name: Dawdle.type.name, partitions: 3))
        for bot in ["workbot", "countbot", "dawdlebot"] {
            for prefix in ["retry", "state", "inbox"] { topics.append(NewTopic(name: "\(prefix).\(bot)", partitions: 3)) }
        }
        for name in [
            "mesh.dlq", "mesh.audit", "mesh.instances", "mesh.control", "bot.error", "bot.capabilities", "schedule.fired", "work.log",
        ] {
            topics.append(NewTopic(name: name, partitions: 1))
        }
        try await broker.makeTopics(topics)
    }

    /// Everything that a read-committed consumer sees on a topic.
    private func read(_ topic: String, _ broker: BrokerFixture) throws -> [Record] {
        let consumer = try Consumer(broker.settings, group: .none(reportsPartitionEnd: true))
        defer { consumer.close() }
        let admin = try AdminClient(broker.settings)
        defer { admin.close() }
        let partitions = try admin.metadata().topics[topic]?.partitions.map { TopicPartition(topic, $0.id) } ?? []
        try consumer.assign(Dictionary(uniqueKeysWithValues: partitions.map { ($0, .beginning) }))
        var open = Set(partitions)
        var records: [Record] = []
        let limit = Moment.current.uptime + 30_000
        while !open.isEmpty, Moment.current.uptime < limit {
            switch consumer.poll(timeout: .milliseconds(100)) {
            case .record(let record): records.append(record)
            case .partitionEnd(let partition, _): open.remove(partition)
            case .error, nil: break
            }
        }
        return records
    }

    private func done(_ broker: BrokerFixture, by bot: String) throws -> [WorkDone] {
        let codec = MeshCodec(catalogue: EventCatalogue(), topics: TopicNames(bot: bot))
        return try read(WorkDone.type.name, broker).compactMap { record in
            let envelope = try codec.decode(record)
            return envelope.source == bot ? try envelope.decode(WorkDone.self) : nil
        }
    }

    private func send(_ works: [Work], _ broker: BrokerFixture) throws {
        try send(works, broker) { "\($0.name)-\($0.number)" }
    }

    private func send<Payload: EventPayload>(_ payloads: [Payload], _ broker: BrokerFixture, id: (Payload) -> String) throws {
        let producer = try Producer(broker.settings)
        defer { producer.close() }
        let codec = MeshCodec(catalogue: EventCatalogue(), topics: TopicNames(bot: "test"))
        let records = try payloads.map { payload in
            let envelope = Envelope(
                id: EventID(id(payload))!, timestamp: .now, source: "test", type: Payload.type, payload: try payload.jsonBytes())
            return try codec.outgoing(envelope, key: payload.key).record
        }
        _ = try producer.sendAndWait(records)
    }

    /// What is written while it is handed over is what would have been written before.
    @Test func anEventIsTheRecordThatItSaysToBe() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic()
        let marks: Headers = [Header("mesh_reordered", text: "1"), Header("empty", []), Header("null", nil)]
        let keys = [nil, "", "a key", "Grüße"]
        let events = keys.enumerated().map { number, key in
            OutgoingEvent(
                Envelope(
                    id: EventID("e\(number)")!, timestamp: .now, source: "Test Bot", type: EventType(topic),
                    payload: Array(#"{"a":[1]}"#.utf8),
                    replay: number == 1 ? "r" : nil),
                key: key, partition: 0, marks: number > 1 ? marks : [])
        }
        let producer = try Producer(broker.settings)
        defer { producer.close() }
        for event in events { try producer.send(Produced.event(event), token: 0, patience: .seconds(5)) }
        try producer.flush(timeout: .seconds(30))
        let expected = events.map(\.record)
        for (event, record) in zip(events, expected) { #expect(record.byteCount <= event.mostBytes) }
        let records = try read(topic, broker)
        #expect(records.map(\.key) == expected.map(\.key))
        #expect(records.map(\.value) == expected.map(\.value))
        #expect(records.map(\.headers) == expected.map(\.headers))
    }

    /// The numbers of sixty inputs; the calls of the last ten wait for a gate.
    private static let numbers = (0..<60).map { $0 < 50 ? $0 : 5_000 + $0 }

    /// Runs `B` over sixty inputs, ends it without any farewell while calls are under way, and counts what can be seen in the end.
    private func results<B: Bot>(_: B.Type, delivery: DeliveryMode, group: String, state: String? = nil) async throws -> [WorkDone] {
        let broker = try await BrokerFixture.shared()
        try await topics(broker)
        let kinds = ["plain", "call", "chain"]
        let works = Self.numbers.map { Work(name: "\(group)\($0 % 7)", number: $0, how: kinds[$0 % 3]) }
        try send(works, broker)
        let first = try Instance(B.self, broker, delivery: delivery, member: "\(B.contract.name)-1", state: state, gate: Gate())
        try await eventually(within: .seconds(60)) { try done(broker, by: B.contract.name).count { $0.name.hasPrefix(group) } >= 10 }
        first.mailbox.put(.fatal("the test ends it"))
        try await eventually(within: .seconds(30)) { first.hasEnded }
        let second = try Instance(B.self, broker, delivery: delivery, member: "\(B.contract.name)-1", state: state)
        try await eventually(within: .seconds(90)) {
            Set(try done(broker, by: B.contract.name).filter { $0.name.hasPrefix(group) }.map(\.number)).count == works.count
        }
        second.mailbox.put(.terminate)
        try await eventually(within: .seconds(40)) { second.hasEnded }
        return try done(broker, by: B.contract.name).filter { $0.name.hasPrefix(group) }
    }

    @Test func exactlyOnceAcrossAnAbruptEnd() async throws {
        let seen = try await results(WorkBot.self, delivery: .exactlyOnce, group: "exact")
        #expect(seen.map(\.number).sorted() == Self.numbers)
        let broker = try await BrokerFixture.shared()
        #expect(try read("mesh.dlq", broker).isEmpty)
        let audits = try read("mesh.audit", broker).compactMap(\.value).map { try JSONCoder.decode(AuditRecord.self, from: $0) }
        // The second process goes on from the first one's last record.
        let own = audits.filter { $0.actor == "WorkBot-1" }
        #expect(own.count >= 80)
        #expect(own.count { $0.sequence == 0 } >= 2)
        for (place, beginning) in own.enumerated() where beginning.sequence == 0 {
            #expect(beginning.link == (place == 0 ? .first : .continued))
            #expect(beginning.previousHash == (place == 0 ? "" : own[place - 1].hash))
        }
        // What the first process had not written yet when it ended is gone.
        let lines = try read("work.log", broker).compactMap(\.value).map { String(decoding: $0, as: UTF8.self) }
        for number in Self.numbers where number >= 5_000 && number % 3 > 0 {
            #expect(lines.contains { $0.contains("number \(number)") }, "\(number)")
        }
        let instances = try read("mesh.instances", broker).compactMap(\.value).map { try JSONCoder.decode(InstanceRecord.self, from: $0) }
        #expect(instances.last?.state == .stopped)
    }

    @Test func exactlyOnceWithState() async throws {
        let directory = try TemporaryDirectory.make(prefix: "state")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let seen = try await results(CountBot.self, delivery: .exactlyOnce, group: "count", state: directory)
        #expect(seen.map(\.number).sorted() == Self.numbers)
        for name in Set(seen.map(\.name)) {
            let totals = seen.filter { $0.name == name }.map(\.total)
            #expect(totals == Array(1...totals.count), "\(name)")
        }
        #expect(FileManager.default.fileExists(atPath: directory + "/CountBot-1.sqlite"))
    }

    @Test func aStateIsRestoredFromItsCopyAndFromTheTopicAlike() async throws {
        let broker = try await BrokerFixture.shared()
        let settings = RuntimeSettings(bot: broker.uniqueName("copybot").replacing("-", with: ""))
        let topic = settings.topics.state
        try await broker.makeTopics([NewTopic(name: topic, partitions: 3), NewTopic(name: settings.topics.inbox, partitions: 3)])
        func produce(_ numbers: Range<Int>) throws {
            let producer = try Producer(broker.settings, ProducerSettings(transactionalID: settings.transactionalID))
            defer { producer.close() }
            try producer.initTransactions(timeout: .seconds(30))
            try producer.beginTransaction()
            for number in numbers {
                let key = StateKey.state(Aggregate("a\(number % 500)")).bytes
                try producer.send(
                    OutgoingRecord(
                        topic: topic, partition: Int32(number % 3), key: key,
                        value: number % 11 == 10 ? nil : Array("{\"total\":\(number)}".utf8)))
            }
            try producer.commitTransaction(timeout: .seconds(30))
        }
        let directory = try TemporaryDirectory.make(prefix: "state")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let place = Snapshots.Place(
            directory: directory, instance: settings.instance, topic: topic, clusterID: "c", maximumPages: nil)
        let bot = try CountBot(configuration: BotConfiguration(name: settings.bot))
        let lines = LogLines()
        func restored(_ place: Snapshots.Place?, until isDone: () throws -> Bool) async throws -> ([Int32: [Aggregate: Int?]], Int) {
            let mailbox = Mailbox()
            let restorer = Restorer(
                client: broker.settings, settings: settings, bot: bot,
                decoder: RecordDecoder(codec: MeshCodec(catalogue: EventCatalogue(), topics: settings.topics), early: nil),
                place: place, mailbox: mailbox, logger: Logger(bot: "CopyBot", level: .error, output: lines))
            restorer.submit(
                Restorer.Request(partitions: (0..<3).map { TopicPartition(settings.topics.inbox, $0) }, assignment: 1, statePartitions: 3))
            var states: [Int32: [Aggregate: Int?]] = [:]
            try await eventually(within: .seconds(60)) {
                while case .element(.restored(let restorations)) = mailbox.take(limit: .zero) {
                    for restoration in restorations {
                        #expect(restoration.state.unreadable == 0)
                        states[restoration.topicPartition.partition] = restoration.state.states.mapValues {
                            ($0 as? CountBot.State)?.total
                        }
                    }
                }
                return states.count == 3
            }
            try await eventually(within: .seconds(60)) { try isDone() }
            restorer.close()
            return (states, restorer.failures.count)
        }
        /// The file is locked as long as its process has it.
        func copied() -> [Int64?] {
            let store = try? SnapshotStore(path: place.file, clusterID: place.clusterID, topic: topic)
            return (0..<3).map { number in (try? store?.head(number))?.anchor.offset }
        }
        try produce(0..<3_000)
        let (first, _) = try await restored(place) {
            let size = try? FileManager.default.attributesOfItem(atPath: place.file + "-wal")[.size] as? UInt64
            return size ?? 0 > 50_000
        }
        try await eventually(within: .seconds(30)) { copied().allSatisfy { $0 == 999 } }
        try produce(3_000..<3_300)
        let (second, failures) = try await restored(place) { true }
        #expect(failures == 0)
        let (alone, _) = try await restored(nil) { true }
        #expect(second == alone)
        #expect(second != first && first.values.allSatisfy { $0.count > 100 })
        // They were put anywhere, as where the topic has had another number of partitions.
        let told = lines.all.filter { $0.contains("are looked for in other partitions, and not found") }
        #expect((0..<3).allSatisfy { number in told.contains { $0.contains("\(topic)[\(number)]") } }, "\(lines.all)")
    }

    /// Records that it has finished are not there any more: they were lost, or the topic was made anew while it was away.
    @Test func aLogThatEndsBelowItsCommitIsToldOf() async throws {
        let broker = try await BrokerFixture.shared()
        let settings = RuntimeSettings(bot: broker.uniqueName("cutbot").replacing("-", with: ""))
        let partition = TopicPartition(try await broker.makeTopic(), 0)
        let admin = try AdminClient(broker.settings)
        defer { admin.close() }
        try admin.alterGroupOffsets(settings.group, [partition: CommittedOffset(offset: 5)])
        let (lines, mailbox) = (LogLines(), Mailbox())
        let restorer = Restorer(
            client: broker.settings, settings: settings, bot: try WorkBot(configuration: BotConfiguration(name: settings.bot)),
            decoder: RecordDecoder(codec: MeshCodec(catalogue: EventCatalogue(), topics: settings.topics), early: nil),
            place: nil, mailbox: mailbox, logger: Logger(bot: "CutBot", level: .error, output: lines))
        defer { restorer.close() }
        restorer.submit(Restorer.Request(partitions: [partition], assignment: 1, statePartitions: nil))
        try await eventually(within: .seconds(60)) { lines.all.contains { $0.contains("\(partition) ends at 0, below 5") } }
    }

    /// A bot that has no room, for as long as its calls take, still hears that another joins its group, and gives partitions up.
    @Test func aFullBotStaysInItsGroup() async throws {
        let broker = try await BrokerFixture.shared()
        try await topics(broker)
        let works = (0..<60).map { Work(name: "full\($0)", number: 5_000 + $0, how: "call") }
        try send(works, broker)
        var limits = Limits()
        limits.waitingRecords = 5
        limits.holdBack = 50
        let gate = Gate()
        func partitions(of instance: String) throws -> Int {
            let records = try read("mesh.instances", broker).compactMap(\.value).map { try JSONCoder.decode(InstanceRecord.self, from: $0) }
            return records.last { $0.instance == instance }?.partitions.count ?? 0
        }
        let first = try Instance(WorkBot.self, broker, delivery: .exactlyOnce, member: "WorkBot-1", limits: limits, gate: gate)
        try await eventually(within: .seconds(60)) { try read("state.workbot", broker).count { $0.value != nil } >= 4 }
        let second = try Instance(WorkBot.self, broker, delivery: .exactlyOnce, member: "WorkBot-2", replica: 2, limits: limits, gate: gate)
        try await eventually(within: .seconds(40)) { try partitions(of: "WorkBot-2") > 0 }
        gate.isOpen.store(true, ordering: .relaxed)
        try await eventually(within: .seconds(90)) {
            Set(try done(broker, by: "WorkBot").map(\.number)).isSuperset(of: works.map(\.number))
        }
        for instance in [first, second] { instance.mailbox.put(.terminate) }
        try await eventually(within: .seconds(40)) { first.hasEnded && second.hasEnded }
    }

    /// Two minutes of work are there when it starts: it settles on the way, and ends when it is told to.
    @Test(arguments: DeliveryMode.allCases) func aBotThatIsSlowAtEachRecordSettlesAndEndsOnTheWay(_ delivery: DeliveryMode) async throws {
        let broker = try await BrokerFixture.shared()
        try await topics(broker)
        let group = delivery == .exactlyOnce ? 10_000 : 20_000
        let before = try done(broker, by: "DawdleBot").count
        try send((0..<4_800).map { Dawdle(number: group + $0) }, broker) { "dawdle-\($0.number)" }
        let bot = try Instance(DawdleBot.self, broker, delivery: delivery, member: "DawdleBot-1")
        try await eventually(within: .seconds(60)) { try done(broker, by: "DawdleBot").count >= before + 20 }
        #expect(try done(broker, by: "DawdleBot").count < before + 4_000, "not all of it in one go")
        bot.mailbox.putFirst(.terminate)
        try await eventually(within: .seconds(60)) { bot.hasEnded }
        let seen = try done(broker, by: "DawdleBot").map(\.number)
        #expect(seen.count < before + 4_800 && Set(seen).count == seen.count)
    }

    /// On the thread that decodes: all of its records, and few decisions.
    @Test func aSlowBotDecidesFewRecordsEarly() async throws {
        let broker = try await BrokerFixture.shared()
        try await topics(broker)
        try send((0..<64).map { Dawdle(number: $0) }, broker) { "early-\($0.number)" }
        let decoder = try Machine(DawdleBot.self).engine.decoder
        try await DedicatedThread.run(name: "decode") {
            let consumer = try Consumer(broker.settings, group: .none())
            defer { consumer.close() }
            try consumer.assign(Dictionary(uniqueKeysWithValues: (0..<3).map { (TopicPartition(Dawdle.type.name, $0), .beginning) }))
            let records = FetchedRecords()
            let limit = Moment.current.uptime + 30_000
            while records.count < 64, Moment.current.uptime < limit { _ = consumer.poll(timeout: .milliseconds(100), into: records) }
            let decoded = decoder.decode(records, decides: true) { false }
            #expect(decoded.count == 64)
            let decided = decoded.count { $0.readable?.decision != nil }
            #expect((1...1 + 50 / DawdleBot.milliseconds).contains(decided), "\(decided)")
        }
    }

    /// Made anew with fewer records than were read of the old one: by their offsets they count as read.
    @Test(arguments: DeliveryMode.allCases) func aTopicThatIsDeletedAndMadeAnewIsGoneOnWith(_ delivery: DeliveryMode) async throws {
        let broker = try await BrokerFixture.shared()
        try await topics(broker)
        let first = delivery == .exactlyOnce ? 30_000 : 40_000
        func sendWorks(_ numbers: Range<Int>) throws {
            try send(numbers.map { Work(name: "anew\($0 % 7)", number: first + $0, how: "plain") }, broker)
        }
        func handled() throws -> [Int] { try done(broker, by: "WorkBot").map { $0.number - first }.filter((0..<100).contains) }
        func run(until count: Int, _ body: () async throws -> Void = {}) async throws {
            let bot = try Instance(WorkBot.self, broker, delivery: delivery, member: nil)
            try await body()
            try await eventually(within: .seconds(90)) { try Set(handled()).count == count }
            bot.mailbox.put(.terminate)
            try await eventually(within: .seconds(40)) { bot.hasEnded }
        }
        try sendWorks(0..<40)
        try await run(until: 46) {
            try await eventually(within: .seconds(60)) { try Set(handled()).count == 40 }
            let admin = try AdminClient(broker.settings)
            defer { admin.close() }
            try admin.deleteTopics([Work.type.name]).check()
            try await topics(broker)
            try sendWorks(40..<46)
        }
        try sendWorks(46..<50)
        try await run(until: 50)
        if delivery == .exactlyOnce { #expect(try handled().sorted() == Array(0..<50)) }
    }

    /// What the mode that it is in does not promise is said before anything is done.
    @Test func aBotSaysAtItsStartWhatItPromises() async throws {
        let broker = try await BrokerFixture.shared()
        try await topics(broker)
        for delivery in DeliveryMode.allCases {
            let lines = LogLines()
            let bot = try Instance(CountBot.self, broker, delivery: delivery, member: nil, log: lines, level: .info)
            try await eventually(within: .seconds(60)) { lines.all.contains { $0.contains("starts: \(delivery.rawValue)") } }
            bot.mailbox.put(.terminate)
            try await eventually(within: .seconds(40)) { bot.hasEnded }
            #expect(lines.all.contains { $0.contains("a counter counts it twice") } == (delivery == .atLeastOnce), "\(lines.all)")
        }
    }

    @Test func atLeastOnceLosesNothing() async throws {
        let seen = try await results(WorkBot.self, delivery: .atLeastOnce, group: "least")
        #expect(Set(seen.map(\.number)) == Set(Self.numbers))
    }
}
