import KafkaProtocol
import Testing

@testable import Broker

@Suite struct TopicAdminTests {
    private typealias Creatable = CreateTopicsRequest.CreatableTopic

    private func creatable(_ name: String, _ partitions: Int32 = 1, _ replicas: Int16 = 1, configs: [String: String?] = [:])
        -> CreateTopicsRequest.CreatableTopic
    {
        var topic = Creatable()
        topic.name = name
        topic.numPartitions = partitions
        topic.replicationFactor = replicas
        topic.configs = configs.map { name, value in
            var config = Creatable.CreatableTopicConfig()
            config.name = name
            config.value = value
            return config
        }
        return topic
    }

    private func create(_ topics: CreateTopicsRequest.CreatableTopic..., validateOnly: Bool = false) -> CreateTopicsRequest {
        var request = CreateTopicsRequest()
        request.topics = topics
        request.validateOnly = validateOnly
        return request
    }

    private func delete(_ names: String..., id: WireUUID = WireUUID()) -> DeleteTopicsRequest {
        var request = DeleteTopicsRequest()
        request.topicNames = names
        request.topics = names.map { name in
            var topic = DeleteTopicsRequest.DeleteTopicState()
            topic.name = name.isEmpty ? nil : name
            topic.topicId = id
            return topic
        }
        return request
    }

    @Test(arguments: APIKey.createTopics.versions)
    func aTopicIsMadeInEveryVersion(version: Int16) throws {
        let topics = try TopicFixture()
        let response = try topics.ask(create(creatable("orders", 3, configs: ["cleanup.policy": "compact"])), version: version)
        let result = response.topics[0]
        let orders = try #require(topics.registry.topic(named: "orders"))
        #expect(orders.partitionCount == 3 && orders.settings.compacts)
        #expect(result.errorCode == 0 && result.errorMessage == nil)
        #expect(result.numPartitions == (version >= 5 ? 3 : -1) && result.replicationFactor == (version >= 5 ? 1 : -1))
        #expect(result.topicId == (version >= 7 ? orders.id : WireUUID()))
        guard version >= 5 else { return }
        let policy = try #require(result.configs?.first { $0.name == "cleanup.policy" })
        #expect(policy.value == "compact" && policy.configSource == 1)
        let retention = try #require(result.configs?.first { $0.name == "retention.ms" })
        #expect(retention.value == "604800000" && retention.configSource == 5)
    }

    @Test func defaultsAreTheBrokers() throws {
        let topics = try TopicFixture()
        _ = try topics.ask(create(creatable("orders", -1, -1)))
        #expect(topics.registry.topic(named: "orders")?.partitionCount == 4)
    }

    @Test func whatIsOnlyValidatedIsNotMade() throws {
        let topics = try TopicFixture()
        let result = try topics.ask(create(creatable("orders", 2), validateOnly: true)).topics[0]
        #expect(result.errorCode == 0 && result.numPartitions == 2 && result.topicId.isZero)
        #expect(topics.registry.topic(named: "orders") == nil)
        #expect(
            try topics.ask(create(creatable("orders", 0), validateOnly: true)).topics[0].errorCode == ErrorCode.invalidPartitions.rawValue)
    }

    @Test func whatCannotBeMadeIsRefusedWithAReason() throws {
        let topics = try TopicFixture { $0.maxPartitions = 50 }
        try topics.create("there")
        try topics.create("a.b")
        let cases: [(CreateTopicsRequest.CreatableTopic, ErrorCode)] = [
            (creatable("there"), .topicAlreadyExists), (creatable("__consumer_offsets"), .topicAlreadyExists),
            (creatable("__cluster_metadata"), .invalidTopic), (creatable("a_b"), .invalidTopic), (creatable("a/b"), .invalidTopic),
            (creatable("n", 0), .invalidPartitions), (creatable("n", -2), .invalidPartitions), (creatable("n", .min), .invalidPartitions),
            (creatable("n", 47), .policyViolation), (creatable("n", .max), .policyViolation),
            (creatable("n", 1, 0), .invalidReplicationFactor), (creatable("n", 1, 3), .invalidReplicationFactor),
            (creatable("n", configs: ["no.such.key": "1"]), .invalidConfig),
            (creatable("n", configs: ["retention.ms": "soon"]), .invalidConfig),
            (creatable("n", configs: ["retention.ms": "-2"]), .invalidConfig),
            (creatable("n", configs: ["retention.ms": nil]), .invalidConfig),
            (creatable("n", configs: ["min.insync.replicas": "2"]), .invalidConfig),
            (creatable("n", configs: ["segment.jitter.ms": "5"]), .invalidConfig),
        ]
        for (topic, error) in cases {
            let result = try topics.ask(create(topic)).topics[0]
            #expect(result.errorCode == error.rawValue, "\(topic)")
            #expect(result.errorMessage?.isEmpty == false)
            #expect(topics.registry.topic(named: "n") == nil)
        }
        #expect(try topics.ask(create(creatable("n", 46))).topics[0].errorCode == 0)
    }

    @Test func assignmentsNameTheOneBroker() throws {
        let topics = try TopicFixture()
        func attempt(_ assignments: [Int32: [Int32]], _ partitions: Int32 = -1, _ replicas: Int16 = -1) throws -> Int16 {
            var topic = creatable("n", partitions, replicas)
            topic.assignments = assignments.map { index, brokers in
                var assignment = Creatable.CreatableReplicaAssignment()
                assignment.partitionIndex = index
                assignment.brokerIds = brokers
                return assignment
            }
            return try topics.ask(create(topic)).topics[0].errorCode
        }
        #expect(try attempt([0: [1], 2: [1]]) == ErrorCode.invalidReplicaAssignment.rawValue)
        #expect(try attempt([0: [2]]) == ErrorCode.invalidReplicaAssignment.rawValue)
        #expect(try attempt([0: []]) == ErrorCode.invalidReplicaAssignment.rawValue)
        #expect(try attempt([0: [1, 1]]) == ErrorCode.invalidReplicaAssignment.rawValue)
        #expect(try attempt([.min: [1]]) == ErrorCode.invalidReplicaAssignment.rawValue)
        #expect(try attempt([0: [1]], 1) == ErrorCode.invalidRequest.rawValue)
        #expect(try attempt([0: [1]], -1, 1) == ErrorCode.invalidRequest.rawValue)
        #expect(try attempt([1: [1], 0: [1]]) == 0)
        #expect(topics.registry.topic(named: "n")?.partitionCount == 2)
    }

    @Test func aNameThatComesTwiceIsRefusedOnce() throws {
        let topics = try TopicFixture()
        let response = try topics.ask(create(creatable("n"), creatable("n"), creatable("m")))
        #expect(response.topics.map(\.name) == ["n", "m"])
        #expect(response.topics.map(\.errorCode) == [ErrorCode.invalidRequest.rawValue, 0])
    }

    @Test func rightsToCreateAndToSeeConfigurations() throws {
        let topics = try TopicFixture(authorizer: RightsAuthorizer("create topic mine"))
        let response = try topics.ask(create(creatable("mine"), creatable("yours")))
        #expect(response.topics.map(\.errorCode) == [0, 29])
        #expect(response.topics[0].configs?.isEmpty == true && response.topics[0].numPartitions == -1)
    }

    @Test(arguments: APIKey.deleteTopics.versions)
    func aTopicIsDeletedInEveryVersion(version: Int16) throws {
        let topics = try TopicFixture()
        try topics.create("orders", partitions: 2)
        let response = try topics.ask(delete("orders", "missing", "__consumer_offsets"), version: version)
        #expect(response.responses.map(\.errorCode) == [0, 3, 17])
        #expect(topics.registry.topic(named: "orders") == nil && topics.store.logs.count == 2)
    }

    @Test func deletionByIdAndWhatIsAskedWrongly() throws {
        let topics = try TopicFixture()
        let id = try topics.create("orders").id
        #expect(try topics.ask(delete("orders", id: id)).responses[0].errorCode == ErrorCode.invalidRequest.rawValue)
        #expect(try topics.ask(delete("")).responses[0].errorCode == ErrorCode.invalidRequest.rawValue)
        #expect(try topics.ask(delete("", id: WireUUID(high: 9, low: 9))).responses[0].errorCode == ErrorCode.unknownTopicID.rawValue)
        #expect(try topics.ask(delete("orders", "orders")).responses.map(\.errorCode) == [ErrorCode.invalidRequest.rawValue])
        let deleted = try topics.ask(delete("", id: id)).responses[0]
        #expect(deleted.errorCode == 0 && deleted.name == "orders" && deleted.topicId == id)
    }

    @Test func whoMayNotDeleteOrSeeATopic() throws {
        let topics = try TopicFixture(authorizer: RightsAuthorizer("describe topic seen"))
        let ids = [try topics.create("seen").id, try topics.create("hidden").id]
        #expect(try topics.ask(delete("seen", "hidden", "missing")).responses.map(\.errorCode) == [29, 29, 29])
        #expect(try topics.ask(delete("", id: ids[0])).responses.map(\.name) == ["seen"])
        let hidden = try topics.ask(delete("", id: ids[1])).responses[0]
        #expect(hidden.errorCode == 29 && hidden.name == nil)
        #expect(topics.store.logs.count == 4)
    }

    @Test func deletionCanBeForbidden() throws {
        let topics = try TopicFixture { $0.deleteTopicEnable = false }
        try topics.create("orders")
        #expect(try topics.ask(delete("orders")).responses[0].errorCode == ErrorCode.topicDeletionDisabled.rawValue)
        #expect(try topics.ask(delete("orders"), version: 2).responses[0].errorCode == ErrorCode.invalidRequest.rawValue)
    }

    @Test func partitionsAreAdded() throws {
        let topics = try TopicFixture { $0.maxPartitions = 10 }
        let orders = try topics.create("orders", partitions: 2)
        func grow(_ name: String, _ count: Int32, assigned: [[Int32]]? = nil, validateOnly: Bool = false) throws -> Int16 {
            var topic = CreatePartitionsRequest.CreatePartitionsTopic()
            topic.name = name
            topic.count = count
            topic.assignments = assigned?.map { brokers in
                var assignment = CreatePartitionsRequest.CreatePartitionsTopic.CreatePartitionsAssignment()
                assignment.brokerIds = brokers
                return assignment
            }
            var request = CreatePartitionsRequest()
            request.topics = [topic]
            request.validateOnly = validateOnly
            return try topics.ask(request).results[0].errorCode
        }
        #expect(try grow("orders", 2) == ErrorCode.invalidPartitions.rawValue)
        #expect(try grow("orders", .min) == ErrorCode.invalidPartitions.rawValue)
        #expect(try grow("orders", .max) == ErrorCode.policyViolation.rawValue)
        #expect(try grow("missing", 3) == ErrorCode.unknownTopicOrPartition.rawValue)
        #expect(try grow("__consumer_offsets", 3) == ErrorCode.invalidTopic.rawValue)
        #expect(try grow("orders", 3, assigned: [[1], [1]]) == ErrorCode.invalidReplicaAssignment.rawValue)
        #expect(try grow("orders", 3, assigned: [[4]]) == ErrorCode.invalidReplicaAssignment.rawValue)
        #expect(try grow("orders", 3, validateOnly: true) == 0)
        #expect(orders.partitionCount == 2)
        #expect(try grow("orders", 4, assigned: [[1], [1]]) == 0)
        #expect(orders.partitionCount == 4 && orders.log(3) != nil && topics.registry.partitionCount == 6)
        #expect(topics.store.logs[TopicPartition("orders", 3)]?.topicID == orders.id)
    }
}
