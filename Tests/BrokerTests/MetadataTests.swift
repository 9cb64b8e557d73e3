import KafkaProtocol
import Testing

@testable import Broker

@Suite struct MetadataTests {
    private func request(_ names: String..., create: Bool = true) -> MetadataRequest {
        var request = MetadataRequest()
        request.topics = names.map { name in
            var topic = MetadataRequest.MetadataRequestTopic()
            topic.name = name
            return topic
        }
        request.allowAutoTopicCreation = create
        return request
    }

    private func request(id: WireUUID) -> MetadataRequest {
        var topic = MetadataRequest.MetadataRequestTopic()
        topic.topicId = id
        var request = MetadataRequest()
        request.topics = [topic]
        return request
    }

    @Test(arguments: APIKey.metadata.versions)
    func allTopicsInEveryVersion(version: Int16) throws {
        let topics = try TopicFixture()
        try topics.create("orders", partitions: 2)
        var request = MetadataRequest()
        request.topics = version == 0 ? [] : nil
        let response = try topics.ask(request, version: version)
        #expect(response.topics.map(\.name) == ["__consumer_offsets", "__transaction_state", "orders"])
        #expect(response.topics.map(\.isInternal) == (version == 0 ? [false, false, false] : [true, true, false]))
        #expect(response.brokers.map { "\($0.nodeId) \($0.host) \($0.port)" } == ["1 here 9092"])
        let orders = try #require(response.topics.last)
        #expect(orders.partitions.map(\.partitionIndex) == [0, 1])
        #expect(orders.partitions.allSatisfy { $0.leaderId == 1 && $0.replicaNodes == [1] && $0.isrNodes == [1] && $0.errorCode == 0 })
        #expect(orders.partitions.allSatisfy { $0.leaderEpoch == (version >= 7 ? 0 : -1) })
        #expect(response.clusterId == (version >= 2 ? topics.registry.clusterID : nil))
        #expect(response.controllerId == (version >= 1 ? 1 : -1))
        #expect(orders.topicId.isZero == (version < 10))
    }

    @Test func anEmptyListAsksForNoneFromVersionOneOn() throws {
        #expect(try TopicFixture().ask(request(), version: 1).topics.isEmpty)
    }

    @Test func aTopicIsMadeWhenRequestAndBrokerAllowIt() throws {
        let topics = try TopicFixture { $0.numPartitions = 6 }
        #expect(try topics.ask(request("orders", create: false)).topics.map(\.errorCode) == [ErrorCode.unknownTopicOrPartition.rawValue])
        let made = try topics.ask(request("orders", "orders")).topics
        #expect(made.map(\.errorCode) == [0] && made[0].partitions.count == 6)
        let closed = try TopicFixture { $0.autoCreateTopicsEnable = false }
        #expect(try closed.ask(request("orders")).topics.map(\.errorCode) == [ErrorCode.unknownTopicOrPartition.rawValue])
        #expect(try closed.ask(request("or ders")).topics.map(\.errorCode) == [ErrorCode.invalidTopic.rawValue])
    }

    @Test func anIDThatIsAskedForTwiceIsAnsweredOnce() throws {
        let topics = try TopicFixture()
        var twice = request(id: try topics.create("orders").id)
        twice.topics = twice.topics.map { $0 + $0 }
        #expect(try topics.ask(twice).topics.map(\.name) == ["orders"])
    }

    @Test func aTopicThatCannotBeMadeIsRefused() throws {
        let topics = try TopicFixture { $0.maxPartitions = 6 }
        for name in ["a b", "..", "", "__cluster_metadata", String(repeating: "x", count: 250)] {
            #expect(try topics.ask(request(name)).topics.map(\.errorCode) == [ErrorCode.invalidTopic.rawValue], "\(name)")
        }
        #expect(try topics.ask(request("one", "two")).topics.map(\.errorCode) == [0, ErrorCode.policyViolation.rawValue])
    }

    @Test func inStrictModeAMadeTopicIsAnsweredWhenItIsSynced() throws {
        let topics = try TopicFixture()
        topics.durability.isImmediate = false
        var dispatcher = Dispatcher()
        topics.api.register(in: &dispatcher)
        let frame = MessageWriter.request(request("orders"), correlationID: 1, clientID: nil, version: 1)
        guard case .bytes(let bytes) = frame[0] else {
            Issue.record("the request is no bytes")
            return
        }
        let (header, reader) = try RequestHeader.read(Array(bytes.dropFirst(4)))
        var answers = 0
        try dispatcher.dispatch(header, reader, RequestContext(version: 1)) { _ in answers += 1 }
        #expect(answers == 0)
        topics.durability.sync()
        #expect(answers == 1)
    }

    @Test func aTopicThatTheDiskLosesIsNotTold() throws {
        let topics = try TopicFixture()
        topics.durability.isImmediate = false
        var dispatcher = Dispatcher()
        topics.api.register(in: &dispatcher)
        let answer = try dispatcher.ask(request("orders"), version: 12) { topics.durability.sync(failing: .clusterMetadata) }
        #expect(answer.topics.map(\.errorCode) == [ErrorCode.kafkaStorageError.rawValue])
    }

    @Test func topicsAreFoundById() throws {
        let topics = try TopicFixture()
        let id = try topics.create("orders").id
        #expect(try topics.ask(request(id: id)).topics.map(\.name) == ["orders"])
        let unknown = try topics.ask(request(id: WireUUID(high: 7, low: 7))).topics[0]
        #expect(unknown.errorCode == ErrorCode.unknownTopicID.rawValue && unknown.name == nil && unknown.topicId.low == 7)
    }

    @Test func whoMayNotSeeATopicIsNotToldOfIt() throws {
        let topics = try TopicFixture(authorizer: RightsAuthorizer("describe topic orders", "describe topic new"))
        try topics.create("orders")
        let secret = try topics.create("secret")
        #expect(try topics.ask(MetadataRequest()).topics.map(\.name) == ["orders"])
        let named = try topics.ask(request("orders", "secret", "missing", "new")).topics
        #expect(named.map(\.errorCode) == [0, 29, 29, 29])
        #expect(named[1].partitions.isEmpty && named[1].topicId.isZero)
        let byID = try topics.ask(request(id: secret.id)).topics[0]
        #expect(byID.errorCode == 29 && byID.name == nil)
        #expect(topics.registry.topic(named: "new") == nil)
    }

    @Test func theRightToCreateATopicOrAnyTopicMakesIt() throws {
        for right in ["create topic new", "create cluster kafka-cluster"] {
            let topics = try TopicFixture(authorizer: RightsAuthorizer("describe topic new", right))
            #expect(try topics.ask(request("new")).topics.map(\.errorCode) == [0], "\(right)")
        }
    }

    @Test func operationsAreToldWhenAsked() throws {
        let topics = try TopicFixture(
            authorizer: RightsAuthorizer("describe topic orders", "read topic orders", "describe cluster kafka-cluster"))
        try topics.create("orders")
        var asked = request("orders")
        #expect(try topics.ask(asked, version: 10).topics[0].topicAuthorizedOperations == .min)
        asked.includeTopicAuthorizedOperations = true
        asked.includeClusterAuthorizedOperations = true
        let response = try topics.ask(asked, version: 10)
        #expect(response.topics[0].topicAuthorizedOperations == 1 << 8 | 1 << 3)
        #expect(response.clusterAuthorizedOperations == 1 << 8)
    }

    @Test func theClusterIsDescribed() throws {
        let topics = try TopicFixture()
        var request = DescribeClusterRequest()
        request.includeClusterAuthorizedOperations = true
        let response = try topics.ask(request)
        #expect(response.brokers.map { "\($0.brokerId) \($0.host) \($0.port) \($0.isFenced)" } == ["1 here 9092 false"])
        #expect(response.clusterId == topics.registry.clusterID && response.controllerId == 1 && response.endpointType == 1)
        #expect(response.clusterAuthorizedOperations == 0b1_1111_1010_0000 & ~(1 << 6) | 1 << 12)
        request.endpointType = 2
        #expect(try topics.ask(request).errorCode == 115)
    }
}
