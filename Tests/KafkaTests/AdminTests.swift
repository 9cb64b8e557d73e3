import Glibc
import Kafka
import MeshTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct AdminTests {
    private func withAdmin<Value: Sendable>(_ body: @escaping @Sendable (AdminClient, BrokerFixture) throws -> Value) async throws -> Value
    {
        let broker = try await BrokerFixture.shared()
        return try await blocking {
            let admin = try AdminClient(broker.settings, observer: quiet)
            defer { admin.close() }
            return try body(admin, broker)
        }
    }

    @Test func topicsAreCreatedGrownDescribedAndDeleted() async throws {
        try await withAdmin { admin, broker in
            let name = broker.uniqueName("admin")
            let topic = NewTopic(name: name, partitions: 3, configuration: ["cleanup.policy": "compact"])
            #expect(try admin.createTopics([topic]) == [AdminOutcome.done(name)])
            let again = try admin.createTopics([topic])
            #expect(again.first?.error?.isTopicAlreadyExists == true)
            try again.check(except: \.isTopicAlreadyExists)
            #expect(throws: KafkaError.self) { try again.check() }
            #expect(try admin.metadata(topic: name).topics[name]?.partitions.map(\.id) == [0, 1, 2])
            try admin.createPartitions([name: 5]).check()
            let metadata = try admin.metadata()
            #expect(metadata.topics[name]?.partitions.count == 5)
            #expect(!metadata.brokers.isEmpty)
            #expect(try admin.describeConfigs(.topic(name))["cleanup.policy"]?.value == "compact")
            try admin.deleteTopics([name]).check()
            #expect(try admin.metadata().topics[name] == nil)
        }
    }

    @Test func refusalsNameTheTopic() async throws {
        try await withAdmin { admin, broker in
            let missing = broker.uniqueName("missing")
            let outcome = try admin.deleteTopics([missing])
            #expect(outcome.first?.error?.message.contains(missing) == true)
            #expect(try admin.metadata(topic: missing).topics[missing]?.error != nil)
            #expect(throws: KafkaError.self) { try admin.watermarks(of: TopicPartition(missing, 0), timeout: .seconds(2)) }
        }
    }

    @Test func alteringOneSettingKeepsTheOthers() async throws {
        try await withAdmin { admin, broker in
            let name = broker.uniqueName("admin")
            try admin.createTopics([NewTopic(name: name, partitions: 1, configuration: ["retention.ms": "1000000"])]).check()
            try admin.alterConfigs(.topic(name), ["max.message.bytes": "2000000"])
            let entries = try admin.describeConfigs(.topic(name))
            #expect(entries["retention.ms"]?.value == "1000000")
            #expect(entries["max.message.bytes"]?.value == "2000000")
        }
    }

    @Test func recordsAreDeletedUpToAnOffset() async throws {
        try await withAdmin { admin, broker in
            let name = broker.uniqueName("admin")
            try admin.createTopics([NewTopic(name: name, partitions: 1)]).check()
            let producer = try Producer(broker.settings, observer: quiet)
            defer { producer.close() }
            _ = try producer.sendAndWait((0..<6).map { OutgoingRecord(topic: name, value: [UInt8($0)]) })
            let partition = TopicPartition(name, 0)
            #expect(try admin.deleteRecords(before: [partition: 4]) == [partition: 4])
            #expect(try admin.watermarks(of: partition) == Watermarks(low: 4, high: 6))
            #expect(try readAll(name, broker.settings).map(\.offset) == [4, 5])
        }
    }

    @Test func groupsAndTheirOffsets() async throws {
        try await withAdmin { admin, broker in
            let topic = broker.uniqueName("admin")
            let group = broker.uniqueName("group")
            let partition = TopicPartition(topic, 0)
            try admin.createTopics([NewTopic(name: topic, partitions: 1)]).check()
            let delegate = RecordingDelegate()
            let consumer = try Consumer(broker.settings, group: .patient(group), events: delegate, observer: quiet)
            try consumer.subscribe(to: [topic])
            try consumer.poll { delegate.assigned.count == 1 }
            try consumer.commit([partition: CommittedOffset(offset: 2, metadata: "m")])

            #expect(try admin.listGroups().contains { $0.id == group })
            let described = try admin.describeGroups([group])
            #expect(described.first?.state == .stable)
            #expect(described.first?.members.count == 1)
            #expect(described.first?.members.first?.partitions == [partition])
            #expect(try admin.groupOffsets(group) == [partition: CommittedOffset(offset: 2, metadata: "m")])
            consumer.close()

            try admin.alterGroupOffsets(group, [partition: CommittedOffset(offset: 9)])
            #expect(try admin.groupOffsets(group, partitions: [partition])[partition]?.offset == 9)
            try admin.deleteGroupOffsets(group, [partition])
            #expect(try admin.groupOffsets(group) == [:])
            try admin.deleteGroups([group]).check()
            #expect(try !admin.listGroups().contains { $0.id == group })
        }
    }

    /// A broker with an authorizer keeps the rule; one without says so, in words.
    @Test func accessRulesAreKeptOrRefusedInWords() async throws {
        try await withAdmin { admin, broker in
            let name = broker.uniqueName("rule")
            let rule = AccessRule(resource: .topic, name: name, pattern: .prefixed, principal: "User:build", operation: .write)
            do throws(KafkaError) {
                try admin.createAccessRules([rule])
                #expect(try admin.accessRules(AccessFilter(name: name)) == [rule])
                #expect(try admin.deleteAccessRules(AccessFilter(name: name)) == [rule])
                #expect(try admin.accessRules(AccessFilter(name: name)) == [])
            } catch {
                #expect(["SECURITY_DISABLED", "_UNSUPPORTED_FEATURE", "CLUSTER_AUTHORIZATION_FAILED"].contains(error.name), "\(error)")
                #expect((try? admin.accessRules(AccessFilter(name: name)).contains(rule)) != true)
                #expect((try? admin.deleteAccessRules(AccessFilter(name: name)).contains(rule)) != true)
            }
        }
    }

    @Test func aBrokersSettingsAreShown() async throws {
        try await withAdmin { admin, _ in
            let id = try #require(admin.metadata().brokers.first?.id)
            do throws(KafkaError) {
                #expect(try !admin.describeConfigs(.broker(id)).isEmpty)
            } catch {
                #expect(error.message.contains("broker \(id)"))
            }
        }
    }

    @Test func aCallEndsWhenNobodyAnswers() async throws {
        try await blocking {
            // A port of the loopback interface that nobody listens on.
            let admin = try AdminClient(ClientSettings(bootstrapServers: "127.0.0.1:1"), observer: quiet)
            let start = ContinuousClock.now
            #expect(throws: KafkaError.self) { try admin.createTopics([NewTopic(name: "x", partitions: 1)], timeout: .milliseconds(300)) }
            #expect(throws: KafkaError.self) { try admin.metadata(timeout: .milliseconds(300)) }
            #expect(throws: KafkaError.self) { try admin.listGroups(timeout: .milliseconds(300)) }
            #expect(admin.close(timeout: .seconds(60)))
            #expect(ContinuousClock.now - start < .seconds(120))
        }
    }

    @Test func theEndsOfManyPartitionsComeAtOnceAndWhatDoesNotExistIsLeftOut() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic(partitions: 3)
        try await blocking {
            let producer = try Producer(broker.settings, observer: quiet)
            _ = try producer.sendAndWait((0..<6).map { _ in OutgoingRecord(topic: topic, partition: 0, value: [1]) })
            producer.close()
            let admin = try AdminClient(broker.settings, observer: quiet)
            _ = try admin.deleteRecords(before: [TopicPartition(topic, 0): 4])
            admin.close()
            // What is behind the beginning of an open transaction nobody can read who reads only what is committed.
            let writer = try Producer(
                broker.settings, ProducerSettings(transactionalID: topic, transactionTimeout: .seconds(300)), observer: quiet)
            try writer.initTransactions(timeout: .seconds(60))
            try writer.beginTransaction()
            try writer.send(OutgoingRecord(topic: topic, partition: 1, value: [1]))
            try writer.flush(timeout: .seconds(60))
            for isolation in [GroupSettings.Isolation.readCommitted, .readUncommitted] {
                let consumer = try Consumer(broker.settings, group: .none(isolation: isolation), observer: quiet)
                let asked = (0..<4).map { TopicPartition(topic, Int32($0)) } + [TopicPartition(topic + "-none", 0)]
                let marks = try consumer.watermarks(of: asked)
                #expect(
                    marks == [
                        TopicPartition(topic, 0): Watermarks(low: 4, high: 6),
                        TopicPartition(topic, 1): Watermarks(low: 0, high: isolation == .readCommitted ? 0 : 1),
                        TopicPartition(topic, 2): Watermarks(low: 0, high: 0),
                    ], "\(isolation)")
                #expect(try consumer.watermarks(of: [TopicPartition]()).isEmpty)
                consumer.askEnds(of: asked)
                var ends: [TopicPartition: Int64]?
                for _ in 0..<3_000 where ends == nil {
                    usleep(10_000)
                    ends = consumer.answeredEnds()
                }
                #expect(ends == marks.mapValues(\.high))
                #expect(consumer.answeredEnds() == nil)
                consumer.close()
            }
            try writer.abortTransaction(timeout: .seconds(60))
            writer.close()
        }
    }
}

extension AdminOutcome {
    fileprivate static func done(_ name: String) -> AdminOutcome { AdminOutcome(name: name) }
}
