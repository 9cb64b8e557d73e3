import KafkaProtocol
import Testing

@testable import Broker

@Suite struct TopicRegistryTests {
    @Test func anEmptyBrokerHasItsInternalTopicsAndAnIdentity() throws {
        let topics = try TopicFixture()
        #expect(topics.registry.topics.map(\.name) == ["__consumer_offsets", "__transaction_state"])
        #expect(topics.registry.topics.allSatisfy { $0.isInternal && $0.settings.compacts && $0.partitionCount == 1 })
        #expect(topics.registry.clusterID.utf8.count == 22)
    }

    @Test func allIsThereAfterARestart() throws {
        let topics = try TopicFixture()
        let orders = try topics.create("orders", partitions: 3, ["retention.ms": "1000"])
        try topics.create("gone")
        try topics.registry.delete(#require(topics.registry.topic(named: "gone")))
        try topics.registry.grow(orders, to: 5)
        try topics.registry.configure(orders, ["segment.bytes": "2000"])
        let again = try TopicFixture.start(topics.state, topics.store)
        #expect(again.clusterID == topics.registry.clusterID)
        #expect(again.topics.map(\.name) == ["__consumer_offsets", "__transaction_state", "orders"])
        let found = try #require(again.topic(id: orders.id))
        #expect(found.partitionCount == 5)
        #expect(found.overrides == ["segment.bytes": "2000"])
        #expect(found.settings.segmentBytes == 2000 && found.settings.retentionMs == 604_800_000)
        #expect(again.partitionCount == 7)
    }

    @Test func logsThatNobodyKnowsAreRemovedAtTheStart() throws {
        let topics = try TopicFixture()
        let id = try topics.create("orders").id
        for stray in [TopicPartition("unknown", 0), TopicPartition("orders", 1)] {
            _ = try topics.store.openPartition(stray, topicID: id, settings: TopicSettings())
        }
        _ = try topics.store.openPartition(TopicPartition("__cluster_metadata", 0), topicID: WireUUID(), settings: TopicSettings())
        _ = try TopicFixture.start(topics.state, topics.store)
        #expect(
            topics.store.logs.keys.map(\.description).sorted() == [
                "__cluster_metadata-0", "__consumer_offsets-0", "__transaction_state-0", "orders-0",
            ])
    }

    @Test func aPartitionThatCannotBeOpenedAtTheStartCostsNoOther() throws {
        let topics = try TopicFixture()
        try topics.create("orders", partitions: 4)
        topics.store.failing = TopicPartition("orders", 2)
        #expect(throws: MetadataError.self) { try TopicFixture.start(topics.state, topics.store) }
        topics.store.failing = nil
        #expect(topics.store.logs.count == 6)
        #expect(try TopicFixture.start(topics.state, topics.store).topic(named: "orders")?.partitionCount == 4)
    }

    @Test func partitionsWithoutMetadataAreNotTakenForRubbish() throws {
        let topics = try TopicFixture()
        try topics.create("orders")
        #expect(throws: MetadataError.missing(partitions: 3)) { try TopicFixture.start(MemoryStateLog(), topics.store) }
        #expect(topics.store.logs.count == 3)
    }

    @Test func metadataOfANewerBrokerIsNotPassedOver() throws {
        let state = MemoryStateLog()
        try state.append([StateRecord(key: [200], value: [0, 0])])
        #expect(throws: MetadataError.self) { try MetadataLog(state).load() }
        let versioned = MemoryStateLog()
        try versioned.append([StateRecord(key: [2, 0x61], value: [0, 7])])
        #expect(throws: MetadataError.self) { try MetadataLog(versioned).load() }
    }

    @Test func aTopicThatCannotBeWrittenLeavesNothing() throws {
        let topics = try TopicFixture()
        topics.store.failing = TopicPartition("orders", 2)
        #expect(throws: ResourceError.self) { try topics.create("orders", partitions: 3) }
        topics.store.failing = nil
        topics.state.failure = .kafkaStorageError
        #expect(throws: ResourceError.self) { try topics.create("orders", partitions: 3) }
        #expect(topics.store.logs.count == 2)
        #expect(topics.registry.topic(named: "orders") == nil && topics.registry.partitionCount == 2)
    }

    @Test func aChangeThatCannotBeWrittenDoesNotHold() throws {
        let topics = try TopicFixture()
        let orders = try topics.create("orders")
        topics.state.failure = .kafkaStorageError
        #expect(throws: ResourceError.self) { try topics.registry.grow(orders, to: 2) }
        #expect(throws: ResourceError.self) { try topics.registry.configure(orders, ["retention.ms": "1"]) }
        #expect(throws: ResourceError.self) { try topics.registry.delete(orders) }
        #expect(orders.partitionCount == 1 && orders.overrides.isEmpty)
        #expect(topics.registry.topic(named: "orders") != nil && topics.store.logs.count == 3)
    }

    @Test func theHookHearsOfADeletedTopic() throws {
        let topics = try TopicFixture()
        var heard: [String] = []
        topics.registry.onTopicDeleted.append { heard.append("\($0.name) \($0.partitionCount)") }
        try topics.registry.delete(try topics.create("orders", partitions: 2))
        #expect(heard == ["orders 2"])
        #expect(!topics.registry.exists(TopicPartition("orders", 0)))
    }
}
