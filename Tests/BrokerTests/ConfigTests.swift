import KafkaProtocol
import Testing

@testable import Broker

@Suite struct ConfigTests {
    private typealias Resource = DescribeConfigsRequest.DescribeConfigsResource

    private func describe(_ topics: TopicFixture, _ name: String, type: Int8 = 2, keys: [String]? = nil, version: Int16 = 4) throws
        -> DescribeConfigsResponse.DescribeConfigsResult
    {
        var resource = Resource()
        resource.resourceType = type
        resource.resourceName = name
        resource.configurationKeys = keys
        var request = DescribeConfigsRequest()
        request.resources = [resource]
        request.includeSynonyms = true
        request.includeDocumentation = true
        return try topics.ask(request, version: version).results[0]
    }

    private func alter(_ topics: TopicFixture, _ name: String, _ configs: [String: String?], type: Int8 = 2, validateOnly: Bool = false)
        throws -> Int16
    {
        typealias Altered = AlterConfigsRequest.AlterConfigsResource
        var resource = Altered()
        resource.resourceType = type
        resource.resourceName = name
        resource.configs = configs.map { name, value in
            var config = Altered.AlterableConfig()
            config.name = name
            config.value = value
            return config
        }
        var request = AlterConfigsRequest()
        request.resources = [resource]
        request.validateOnly = validateOnly
        return try topics.ask(request).responses[0].errorCode
    }

    private func change(_ topics: TopicFixture, _ name: String, _ changes: [(String, Int8, String?)], validateOnly: Bool = false) throws
        -> Int16
    {
        typealias Altered = IncrementalAlterConfigsRequest.AlterConfigsResource
        var resource = Altered()
        resource.resourceType = 2
        resource.resourceName = name
        resource.configs = changes.map { name, operation, value in
            var config = Altered.AlterableConfig()
            config.name = name
            config.configOperation = operation
            config.value = value
            return config
        }
        var request = IncrementalAlterConfigsRequest()
        request.resources = [resource]
        request.validateOnly = validateOnly
        return try topics.ask(request).responses[0].errorCode
    }

    @Test func aTopicsSettingsSayWhereTheyComeFrom() throws {
        let topics = try TopicFixture { configuration in
            do { try configuration.assign(["log.retention.hours": "2", "log.segment.bytes": "5000"]) } catch { Issue.record(error) }
        }
        try topics.create("orders", ["retention.ms": "1000"])
        let result = try describe(topics, "orders")
        #expect(result.errorCode == 0 && result.configs.count == TopicSettings.all.count)
        let retention = try #require(result.configs.first { $0.name == "retention.ms" })
        #expect(retention.value == "1000" && retention.configSource == 1 && retention.configType == 5 && !retention.readOnly)
        #expect(
            retention.synonyms.map { "\($0.name)=\($0.value ?? "") \($0.source)" } == [
                "retention.ms=1000 1", "log.retention.hours=2 4", "log.retention.hours=168 5",
            ])
        let segment = try #require(result.configs.first { $0.name == "segment.bytes" })
        #expect(segment.value == "5000" && segment.configSource == 4 && segment.configType == 3)
        let policy = try #require(result.configs.first { $0.name == "cleanup.policy" })
        #expect(policy.value == "delete" && policy.configSource == 5 && policy.configType == 7 && policy.documentation?.isEmpty == false)
    }

    @Test(arguments: APIKey.describeConfigs.versions)
    func onlyTheKeysThatAreAskedFor(version: Int16) throws {
        let topics = try TopicFixture()
        try topics.create("orders")
        #expect(try describe(topics, "orders", keys: ["segment.ms", "no.such"], version: version).configs.map(\.name) == ["segment.ms"])
        #expect(try describe(topics, "orders", keys: [], version: version).configs.count == TopicSettings.all.count)
    }

    @Test func theBrokerIsDescribedToo() throws {
        let topics = try TopicFixture { configuration in
            do { try configuration.assign(["num.partitions": "2"]) } catch { Issue.record(error) }
        }
        let result = try describe(topics, "1", type: 4)
        let partitions = try #require(result.configs.first { $0.name == "num.partitions" })
        #expect(
            partitions.value == "2" && partitions.configSource == 4 && partitions.readOnly
                && partitions.synonyms.map(\.value) == ["2", "4"])
        #expect(try describe(topics, "", type: 4).configs.isEmpty)
        #expect(try describe(topics, "2", type: 4).errorCode == ErrorCode.invalidRequest.rawValue)
        #expect(try describe(topics, "1", type: 8).errorCode == ErrorCode.invalidRequest.rawValue)
        #expect(try describe(topics, "missing").errorCode == ErrorCode.unknownTopicOrPartition.rawValue)
        #expect(try describe(topics, "a b").errorCode == ErrorCode.invalidTopic.rawValue)
    }

    @Test func alteringReplacesAll() throws {
        let topics = try TopicFixture()
        let orders = try topics.create("orders", ["retention.ms": "1000", "segment.bytes": "5000"])
        #expect(try alter(topics, "orders", ["segment.ms": "77"], validateOnly: true) == 0)
        #expect(orders.overrides.count == 2)
        #expect(try alter(topics, "orders", ["segment.ms": "77"]) == 0)
        #expect(orders.overrides == ["segment.ms": "77"])
        let log = try #require(topics.store.logs[TopicPartition("orders", 0)])
        #expect(log.settings.segmentMs == 77 && log.settings.retentionMs == 604_800_000)
        #expect(try alter(topics, "orders", ["segment.ms": nil]) == ErrorCode.invalidRequest.rawValue)
        #expect(try alter(topics, "orders", ["segment.ms": "0"]) == ErrorCode.invalidConfig.rawValue)
        #expect(try alter(topics, "missing", [:]) == ErrorCode.unknownTopicOrPartition.rawValue)
        #expect(try alter(topics, "1", ["num.partitions": "3"], type: 4) == ErrorCode.invalidRequest.rawValue)
        #expect(orders.overrides == ["segment.ms": "77"])
    }

    @Test func alteringIncrementally() throws {
        let topics = try TopicFixture()
        let orders = try topics.create("orders", ["retention.ms": "1000"])
        #expect(try change(topics, "orders", [("segment.ms", 0, "5"), ("cleanup.policy", 2, "compact")], validateOnly: true) == 0)
        #expect(try change(topics, "orders", [("segment.ms", 0, "5"), ("cleanup.policy", 2, "compact")]) == 0)
        #expect(orders.overrides == ["retention.ms": "1000", "segment.ms": "5", "cleanup.policy": "delete,compact"])
        #expect(try change(topics, "orders", [("retention.ms", 1, nil), ("cleanup.policy", 3, "delete")]) == 0)
        #expect(orders.overrides == ["segment.ms": "5", "cleanup.policy": "compact"])
        let wrong: [([(String, Int8, String?)], ErrorCode)] = [
            ([("segment.ms", 2, "5")], .invalidConfig), ([("segment.ms", 3, "5")], .invalidConfig),
            ([("segment.ms", 4, "5")], .invalidRequest),
            ([("segment.ms", 0, nil)], .invalidRequest), ([("segment.ms", 0, "1"), ("segment.ms", 1, nil)], .invalidRequest),
            ([("no.such.key", 0, "1")], .invalidConfig), ([("no.such.key", 2, "1")], .invalidConfig),
            ([("cleanup.policy", 2, "shrink")], .invalidConfig),
            ([("flush.ms", 0, "1")], .invalidConfig), ([("segment.ms", 0, "9"), ("retention.ms", 0, "x")], .invalidConfig),
        ]
        for (changes, error) in wrong { #expect(try change(topics, "orders", changes) == error.rawValue, "\(changes)") }
        #expect(orders.overrides == ["segment.ms": "5", "cleanup.policy": "compact"])
    }

    @Test func changesOutliveARestart() throws {
        let topics = try TopicFixture()
        try topics.create("orders")
        _ = try change(topics, "orders", [("max.message.bytes", 0, "9")])
        let again = try TopicFixture.start(topics.state, topics.store)
        #expect(again.topic(named: "orders")?.settings.maxMessageBytes == 9)
    }

    @Test func theBrokersOwnTopicsStayCompact() throws {
        let topics = try TopicFixture()
        #expect(try change(topics, "__consumer_offsets", [("cleanup.policy", 0, "delete")]) == ErrorCode.invalidConfig.rawValue)
        #expect(try change(topics, "__consumer_offsets", [("cleanup.policy", 1, nil)]) == ErrorCode.invalidConfig.rawValue)
        #expect(try change(topics, "__consumer_offsets", [("segment.bytes", 0, "1000")]) == 0)
    }

    @Test func aResourceThatComesTwiceIsRefused() throws {
        let topics = try TopicFixture()
        try topics.create("orders")
        var request = AlterConfigsRequest()
        request.resources = (0..<2).map { _ in
            var resource = AlterConfigsRequest.AlterConfigsResource()
            resource.resourceType = 2
            resource.resourceName = "orders"
            return resource
        }
        #expect(try topics.ask(request).responses.map(\.errorCode) == [ErrorCode.invalidRequest.rawValue])
    }

    @Test func rightsAreAskedFor() throws {
        let topics = try TopicFixture(authorizer: RightsAuthorizer("describeConfigs topic read", "alterConfigs topic write"))
        for name in ["read", "write"] { try topics.create(name) }
        #expect(try describe(topics, "read").errorCode == 0)
        #expect(try describe(topics, "write").errorCode == 29)
        #expect(try describe(topics, "missing").errorCode == 29)
        #expect(try alter(topics, "read", [:]) == 29)
        #expect(try alter(topics, "write", [:]) == 0)
        #expect(try change(topics, "read", []) == 29)
        #expect(try describe(topics, "1", type: 4).errorCode == 31)
        #expect(try alter(topics, "1", [:], type: 4) == 31)
    }
}
