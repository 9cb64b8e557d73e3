import FoundationEssentials
import Testing

@testable import Broker

@Suite struct BrokerConfigurationTests {
    private func read(_ text: String) throws(ConfigurationError) -> BrokerConfiguration {
        try BrokerConfiguration(text: text, file: "server.properties")
    }

    private func problems(_ text: String) -> [String] {
        do {
            _ = try read(text)
            return []
        } catch {
            return error.problems
        }
    }

    @Test func aFileIsRead() throws {
        let configuration = try read(
            """
            # Kafka's own
            auto.create.topics.enable = FALSE
            num.partitions=8\r
            ! another comment

            log.flush.strict=true
            message.max.bytes=2000000
            log.cleanup.policy=compact, delete
            log.cleaner.min.cleanable.ratio=0.25
            super.users=User:admin;User:CN=one,O=two
            sasl.enabled.mechanisms=PLAIN
            authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
            advertised.listeners=PLAINTEXT://broker.example:9093
            offsets.retention.minutes=2
            """)
        #expect(!configuration.autoCreateTopicsEnable && configuration.numPartitions == 8 && configuration.logFlushStrict)
        #expect(configuration.topicDefaults.maxMessageBytes == 2_000_000)
        #expect(configuration.topicDefaults.deletes && configuration.topicDefaults.compacts)
        #expect(configuration.topicDefaults.minCleanableDirtyRatio == 0.25)
        #expect(configuration.superUsers == ["User:admin", "User:CN=one,O=two"])
        #expect(configuration.saslEnabledMechanisms == ["PLAIN"] && configuration.usesACLs)
        #expect(configuration.advertisedListener == BrokerEndpoint(host: "broker.example", port: 9093))
        #expect(configuration.offsetsRetentionMs == 120_000)
        #expect(configuration.assigned["num.partitions"] == "8")
    }

    @Test func anEmptyFileGivesTheDefaults() throws {
        let configuration = try read("")
        #expect(configuration.autoCreateTopicsEnable && configuration.numPartitions == 4 && configuration.maxPartitions == 10_000)
        #expect(configuration.topicDefaults == TopicSettings() && !configuration.usesACLs)
    }

    @Test func theMoreExactUnitHoldsInAnyOrder() throws {
        #expect(try read("log.retention.hours=1").topicDefaults.retentionMs == 3_600_000)
        #expect(try read("log.retention.ms=5\nlog.retention.minutes=3\nlog.retention.hours=1").topicDefaults.retentionMs == 5)
        #expect(try read("log.retention.hours=1\nlog.retention.minutes=3").topicDefaults.retentionMs == 180_000)
        #expect(try read("log.retention.hours=-1").topicDefaults.retentionMs == -1)
        #expect(try read("log.retention.hours=2147483647").topicDefaults.retentionMs == 2_147_483_647 * 3_600_000)
        #expect(try read("log.roll.hours=1\nlog.roll.ms=9").topicDefaults.segmentMs == 9)
    }

    @Test func everyProblemIsToldWithItsLine() {
        let found = problems(
            "num.partition=3\nnum.partitions=many\n\nnonsense\nnum.partitions=2\nmessage.max.bytes=-1\nlisteners=PLAINTEXT://:9092\n=5")
        #expect(
            found == [
                "server.properties:1: num.partition is not known; did you mean num.partitions?",
                "server.properties:2: Invalid value many for configuration num.partitions: Not a number of type INT",
                "server.properties:4: there is no '='; write key=value",
                "server.properties:5: num.partitions is set in line 2 already; remove one of the lines",
                "server.properties:6: Invalid value -1 for configuration message.max.bytes: Value must be at least 0",
                "server.properties:7: listeners is not set here: say --listen",
                "server.properties:8: there is no key before '='; write key=value",
            ])
    }

    @Test(arguments: [
        "num.partitions=0", "num.partitions=2147483648", "log.flush.strict=yes", "log.cleanup.policy=shrink", "compression.type=gzip",
        "log.cleaner.min.cleanable.ratio=1.5", "log.cleaner.min.cleanable.ratio=nan", "sasl.enabled.mechanisms=GSSAPI",
        "authorizer.class.name=mine", "advertised.listeners=here", "advertised.listeners=here:0", "advertised.listeners=a:1,b:2",
        "node.id=2",
        "log.message.timestamp.type=Later", "group.min.session.timeout.ms=50\ngroup.max.session.timeout.ms=40", "log.retention.hours=-2",
    ])
    func aValueThatCannotBeIsRefused(line: String) { #expect(problems(line).count == 1) }

    @Test func aFileThatCannotBeReadIsNamed() {
        #expect(throws: ConfigurationError.self) { try BrokerConfiguration(path: "/no/such/file") }
    }

    @Test func addressesOfListeners() {
        #expect(BrokerEndpoint("[::1]:9092") == BrokerEndpoint(host: "::1", port: 9092))
        #expect(BrokerEndpoint("SASL_PLAINTEXT://here:1") == BrokerEndpoint(host: "here", port: 1))
        for wrong in ["::1:9092", ":9092", "here:", "here:65536", "http://here:1", "a b:1"] {
            #expect(BrokerEndpoint(wrong) == nil, "\(wrong)")
        }
    }

    @Test func everyKeyTakesItsOwnDefault() throws {
        for setting in BrokerConfiguration.all {
            var configuration = BrokerConfiguration()
            let value = setting.read(configuration)
            // There is no address by default.
            if setting.name == "advertised.listeners" { continue }
            try setting.write(&configuration, value)
            #expect(setting.read(configuration) == value, "\(setting.name)")
        }
        for setting in TopicSettings.all {
            var settings = TopicSettings()
            try setting.write(&settings, setting.read(settings))
            #expect(settings == TopicSettings(), "\(setting.name)")
            for key in TopicSettings.brokerKeys[setting.name] ?? [] { #expect(BrokerConfiguration.setting(key) != nil, "\(key)") }
            #expect(TopicSettings.refused[setting.name] == nil)
        }
    }

    @Test func theReferenceNamesAllKeys() {
        for setting in BrokerConfiguration.all {
            #expect(SettingReference.broker.contains("| `\(setting.name)` |"))
        }
        #expect(SettingReference.topic.contains("| `retention.ms` | long | `604800000` | at least -1 | "))
    }

    /// docs/broker.md has the tables as `meshbroker --list-keys` prints them.
    @Test func theDocumentHasTheReference() throws {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let document = try String(contentsOfFile: root + "/docs/broker.md", encoding: .utf8)
        for table in [SettingReference.broker, SettingReference.topic] {
            #expect(document.contains(table), "put the output of meshbroker --list-keys at the end of docs/broker.md")
        }
    }
}
