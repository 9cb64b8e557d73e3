import CRdKafka
import FoundationEssentials
import MeshTesting
import Testing

@testable import Kafka

@Suite struct SettingsTests {
    @Test func theEnvironmentBecomesProperties() throws {
        let settings = try ClientSettings.fromEnvironment([
            "KAFKA_BOOTSTRAP_SERVERS": "a:1,b:2", "KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "KAFKA_SASL_USERNAME": "ann", "KAFKA_SASL_PASSWORD": "geheim", "KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM": "https",
            "KAFKA_CLIENT_ID": "mesh", "KAFKA_HEAP_OPTS": "-Xmx1G", "HOME": "/root", "KAFKA_SSL_CA_LOCATION": "",
        ])
        #expect(settings.bootstrapServers == "a:1,b:2")
        #expect(settings["security.protocol"] == "SASL_SSL")
        #expect(settings["sasl.mechanisms"] == "SCRAM-SHA-512")
        #expect(settings["sasl.username"] == "ann")
        #expect(settings["ssl.endpoint.identification.algorithm"] == "https")
        #expect(settings["ssl.ca.location"] == nil)
        #expect(settings["heap.opts"] == nil)
    }

    /// All steps of a call together keep its limit; the last of them has a second, unless the caller wants less.
    @Test func aCallOfTheAdminAPIHasOneLimit() {
        func limit(_ timeout: Double, remaining: Double) -> Duration {
            AdminClient.requestLimit(of: .seconds(timeout), remaining: .seconds(remaining))
        }
        #expect(limit(15, remaining: 14.5) == .seconds(14.5))
        #expect(limit(15, remaining: 0.2) == .seconds(1))
        #expect(limit(0.3, remaining: 0) == .seconds(0.3))
        #expect(limit(0, remaining: 0) == .milliseconds(1))
    }

    @Test func noSecretIsEverShown() throws {
        let settings = ClientSettings(properties: [
            "bootstrap.servers": "a:1", "sasl.password": "geheim", "ssl.key.password": "geheim", "ssl.key.pem": "geheim",
            "sasl.oauthbearer.client.secret": "geheim",
        ])
        #expect(!"\(settings)".contains("geheim"))
        #expect(!String(reflecting: settings).contains("geheim"))
        var text = ""
        dump(settings, to: &text)
        #expect(!text.contains("geheim"))
        #expect("\(settings)".contains("bootstrap.servers=a:1"))
        var refused = settings
        refused["ssl.key.pem"] = nil
        refused["sasl.oauthbearer.client.secret"] = nil
        refused["security.protocol"] = "nonsense"
        #expect(throws: SettingsError.self) { try refused.validate() }
        do throws(SettingsError) { try refused.validate() } catch { #expect(!"\(error)".contains("geheim")) }
    }

    @Test func whatIsWrongIsNamed() {
        #expect(throws: SettingsError.noBootstrapServers) { try ClientSettings.fromEnvironment([:]) }
        #expect(throws: SettingsError.noBootstrapServers) { try ClientSettings.fromEnvironment(["KAFKA_BOOTSTRAP_SERVERS": ""]) }
        #expect(throws: SettingsError.unknownProperty("ssl.nonsense")) {
            try ClientSettings.fromEnvironment(["KAFKA_BOOTSTRAP_SERVERS": "a:1", "KAFKA_SSL_NONSENSE": "x"])
        }
        #expect(throws: SettingsError.unreadableFile(path: "/nonexistent", reason: "it does not exist, or may not be read")) {
            try ClientSettings.fromEnvironment(["KAFKA_PROPERTIES_FILE": "/nonexistent"])
        }
    }

    @Test func aPropertiesFileIsReadAndTheEnvironmentOverridesIt() throws {
        let directory = try TemporaryDirectory.make()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = directory + "/client.properties"
        try "# comment\n! another\n\nbootstrap.servers = a:1 \r\nclient.id=x=y\n".write(toFile: path, atomically: true, encoding: .utf8)
        let settings = try ClientSettings.fromEnvironment(["KAFKA_PROPERTIES_FILE": path, "KAFKA_BOOTSTRAP_SERVERS": "b:2"])
        #expect(settings.bootstrapServers == "b:2")
        #expect(settings["client.id"] == "x=y")
        #expect(throws: SettingsError.malformedLine(path: "f", line: 2, reason: "expected name=value")) {
            try ClientSettings.parse(properties: "a=b\nnonsense\n", path: "f")
        }
        #expect(throws: SettingsError.self) { try ClientSettings.parse(properties: "sasl.jaas.config=x", path: "f") }
    }

    /// As kcat's files often have it: librdkafka knows the addresses by two names, and takes the one that it is told last.
    @Test func aSecondNameIsTheSameProperty() throws {
        var settings = try ClientSettings.parse(properties: "metadata.broker.list=a:1\nsasl.mechanism=PLAIN\n", path: "f")
        #expect(settings.bootstrapServers == "a:1" && settings["sasl.mechanisms"] == "PLAIN")
        settings["bootstrap.servers"] = "b:2"
        #expect("\(settings)" == "bootstrap.servers=b:2 sasl.mechanisms=PLAIN")
        let both = ClientSettings(properties: ["metadata.broker.list": "a:1", "bootstrap.servers": "b:2"])
        #expect("\(both)" == "bootstrap.servers=b:2")
    }

    /// librdkafka refuses a producer whose requests may take longer than its transactions.
    @Test func theClientsTimeOutLeavesTransactionsPossible() throws {
        var settings = ClientSettings(bootstrapServers: "127.0.0.1:1")
        settings["socket.timeout.ms"] = "30000"
        let observer = ClientObserver(log: { _ in })
        try Producer(settings, ProducerSettings(transactionalID: "x"), observer: observer).close(timeout: .seconds(1))
        #expect(ProducerSettings(transactionalID: "x").overrides(beside: settings)["socket.timeout.ms"] == "6000")
        settings["socket.timeout.ms"] = "1000"
        #expect(ProducerSettings(transactionalID: "x").overrides(beside: settings)["socket.timeout.ms"] == nil)
    }

    /// A client that nobody polls would keep them all.
    @Test func statisticsThatNobodyReadsAreNotMade() async throws {
        var settings = ClientSettings(bootstrapServers: "127.0.0.1:1")
        settings["statistics.interval.ms"] = "1"
        let admin = try AdminClient(settings, observer: ClientObserver(log: { _ in }))
        defer { admin.close(timeout: .seconds(1)) }
        var buffer = [CChar](repeating: 0, count: 64)
        var size = buffer.count
        #expect(rd_kafka_conf_get(rd_kafka_conf(admin.handle.pointer), "statistics.interval.ms", &buffer, &size) == RD_KAFKA_CONF_OK)
        #expect(text(buffer) == "0")
    }

    /// As where a container's limit of processes is reached: no thread has so large a stack.
    @Test func withoutAThreadNothingIsRunAndNothingEnds() {
        #expect(!DedicatedThread.run(name: "none", limit: .seconds(60), stackBytes: 1 << 50) { Issue.record("it ran") })
        #expect(DedicatedThread.run(name: "some", limit: .seconds(60)) {})
    }

    @Test func aClosedProducerSaysSo() throws {
        let producer = try Producer(
            ClientSettings(bootstrapServers: "127.0.0.1:1"), ProducerSettings(transactionalID: "x"), observer: ClientObserver(log: { _ in })
        )
        producer.close(timeout: .seconds(1))
        #expect(throws: KafkaError.self) { try producer.initTransactions(timeout: .zero) }
        #expect(throws: KafkaError.self) { try producer.beginTransaction() }
        #expect(throws: KafkaError.self) { try producer.commitTransaction(timeout: .zero) }
        #expect(throws: KafkaError.self) { try producer.abortTransaction(timeout: .zero) }
    }

    /// A topic's description has what a broker was told for all topics, too.
    @Test func whatABrokerWasToldIsNoTopicsOwn() {
        #expect(ConfigResource.topic("t").ownSource != ConfigResource.broker(1).ownSource)
    }

    @Test func anyTextIsReadOrRefused() {
        var random = SeededGenerator(seed: 7)
        let seed = Array("# c\nbootstrap.servers=a:1\nsasl.password = x\r\n!y\n".utf8)
        for _ in 0..<3000 {
            let text = String(decoding: random.mutated(random.mutated(seed)), as: UTF8.self)
            do throws(SettingsError) {
                _ = try ClientSettings.parse(properties: text, path: "f")
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
    }

    /// Often enough that a rebalance is heard of soon, and that two may be lost within a session.
    @Test(arguments: [(6_000, 500), (45_000, 500), (900, 300), (1, 1)]) func heartbeatsComeOften(session: Int, interval: Int) {
        let group = GroupSettings(id: "group", sessionTimeout: .milliseconds(session))
        #expect(group.overrides["heartbeat.interval.ms"] == "\(interval)")
    }

    @Test func durationsAreRoundedUpAndBounded() {
        #expect(Duration.milliseconds(1.5).rdMilliseconds == 2)
        #expect(Duration.microseconds(1).rdMilliseconds == 1)
        #expect(Duration.zero.rdMilliseconds == 0)
        #expect(Duration.seconds(-5).rdMilliseconds == 0)
        #expect(Duration.seconds(Int64.max).rdMilliseconds == 2_000_000_000)
    }
}
