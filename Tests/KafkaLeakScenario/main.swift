// Takes every way through `Kafka` that makes and frees C objects, errors above all. `KafkaTests` runs it under valgrind.
import Glibc
import Kafka

let quiet = ClientObserver(log: { _ in }, statistics: { _ in }, error: { _ in })

func refusedSettings() {
    for (name, value) in [
        ("no.such.property", "1"), ("socket.timeout.ms", "nonsense"), ("security.protocol", "nonsense"), ("debug", "nonsense"),
    ] {
        var settings = ClientSettings(bootstrapServers: "127.0.0.1:1")
        settings[name] = value
        expectFailure("setting \(name)") { _ = try Producer(settings, observer: quiet) }
    }
    // Taken one by one, refused together: rd_kafka_new itself fails.
    var settings = ClientSettings(bootstrapServers: "127.0.0.1:1")
    settings["security.protocol"] = "ssl"
    settings["ssl.ca.location"] = "/nonexistent"
    expectFailure("a client without its certificates") { _ = try Producer(settings, observer: quiet) }
    expectFailure("a consumer without its certificates") { _ = try Consumer(settings, group: GroupSettings(id: "g"), observer: quiet) }
    expectFailure("a consumer with a session longer than its limit") {
        _ = try Consumer(
            settings, group: GroupSettings(id: "g", sessionTimeout: .seconds(2_000_000)), observer: quiet)
    }
}

func transactions(_ cluster: MockCluster) throws {
    let producer = try Producer(
        cluster.settings, ProducerSettings(transactionalID: "tx", maximumRecordBytes: 2000), observer: quiet)
    let headers: Headers = [Header("a", text: "b"), Header("null", nil), Header("empty", [])]
    expectFailure("a record outside of a transaction") { try producer.send(OutgoingRecord(topic: "topic", value: [1], headers: headers)) }
    try producer.initTransactions(timeout: .seconds(120))
    try producer.beginTransaction()
    try producer.send(OutgoingRecord(topic: "topic", key: [], value: nil, headers: headers))
    expectFailure("a record that is too large") {
        try producer.send(OutgoingRecord(topic: "topic", value: [UInt8](repeating: 0, count: 5000), headers: headers))
    }
    expectFailure("a topic without a legal name") {
        try producer.send(OutgoingRecord(topic: String(repeating: "x", count: 600), value: nil))
    }
    let consumer = try Consumer(cluster.settings, group: GroupSettings(id: "other"), observer: quiet)
    cluster.fail(.transactionOffsetCommit, with: [22])
    let group = try consumer.groupMetadata()
    expectFailure("offsets that are refused") {
        try producer.sendOffsets(
            [TopicPartition("topic", 0): CommittedOffset(offset: 1, metadata: "text")], group: group, timeout: .seconds(10))
    }
    consumer.close()
    try producer.abortTransaction(timeout: .seconds(120))
    try producer.beginTransaction()
    try producer.send(OutgoingRecord(topic: "topic", partition: 0, key: [1], value: [2], headers: headers))
    try producer.commitTransaction(timeout: .seconds(120))
    _ = producer.deliveries()
    producer.close()
}

final class Committing: RebalanceDelegate {
    var assigned = 0

    func assigning(_ partitions: [TopicPartition], to consumer: Consumer) { assigned += partitions.count }

    func revoking(_ partitions: [TopicPartition], from consumer: Consumer) {
        expectNoFailure("commit at revocation") {
            try consumer.commit(
                Dictionary(uniqueKeysWithValues: partitions.map { ($0, CommittedOffset(offset: 1, metadata: "at revocation")) }))
        }
    }
}

struct Late: Error {}

func consume(_ cluster: MockCluster) throws {
    let delegate = Committing()
    let consumer = try Consumer(
        cluster.settings, group: GroupSettings(id: "group", isolation: .readUncommitted, reportsPartitionEnd: true), events: delegate,
        observer: quiet)
    try consumer.subscribe(to: ["topic"])
    var records = 0
    let deadline = ContinuousClock.now.advanced(by: .seconds(120))
    while records == 0 || delegate.assigned < 2 {
        guard ContinuousClock.now < deadline else { throw Late() }
        if case .record = consumer.poll(timeout: .milliseconds(100)) { records += 1 }
    }
    let partition = TopicPartition("topic", 0)
    try consumer.commit([partition: CommittedOffset(offset: 1, metadata: "text")])
    _ = try consumer.committed([partition])
    _ = try consumer.position(of: partition)
    _ = try consumer.watermarks(of: partition)
    try consumer.seek([partition: .beginning])
    expectFailure("seek in a partition of others") { try consumer.seek([TopicPartition("elsewhere", 3): .at(1)], timeout: .seconds(1)) }
    expectFailure("a commit that nobody answers") {
        try cluster.setRoundTrip(ofBroker: 1, to: .seconds(3))
        try consumer.commit([partition: CommittedOffset(offset: 2)], timeout: .milliseconds(100))
    }
    try cluster.setRoundTrip(ofBroker: 1, to: .zero)
    cluster.fail(.offsetCommit, with: [22])
    expectFailure("a commit that is refused") { try consumer.commit([partition: CommittedOffset(offset: 2, metadata: "text")]) }
    consumer.close()
}

/// The imitation has no admin API: what is tested is that requests and time-outs leave nothing behind. The group calls are left out, since librdkafka
/// 2.0.2 aborts the process when a broker lacks them, and so is the deletion of records, of which it then loses 176 bytes; `administerGroups` asks a real broker.
func administer(_ cluster: MockCluster) throws {
    let admin = try AdminClient(cluster.settings, observer: quiet)
    let limit: Duration = .milliseconds(200)
    _ = try admin.metadata()
    _ = try admin.metadata(topic: "topic")
    expectFailure("create") {
        try admin.createTopics([NewTopic(name: "a", partitions: 1, configuration: ["a": "b"])], timeout: limit).check()
    }
    expectFailure("bad topic") { _ = try admin.createTopics([NewTopic(name: "a", partitions: 1), NewTopic(name: "b", partitions: -7)]) }
    expectFailure("delete") { try admin.deleteTopics(["a", "b"], timeout: limit).check() }
    expectFailure("grow") { try admin.createPartitions(["a": 3], timeout: limit).check() }
    expectFailure("bad growth") { try admin.createPartitions(["a": 3, "b": 0]).check() }
    expectFailure("describe") { _ = try admin.describeConfigs(.topic("a"), timeout: limit) }
    expectFailure("rules") {
        try admin.createAccessRules([AccessRule(resource: .topic, name: "a", principal: "User:b", operation: .read)], timeout: limit)
    }
    expectFailure("find rules") { _ = try admin.accessRules(AccessFilter(name: "a"), timeout: limit) }
    expectFailure("delete rules") { _ = try admin.deleteAccessRules(AccessFilter(principal: "User:b"), timeout: limit) }
    admin.close()
}

func administerGroups(_ settings: ClientSettings) throws {
    let admin = try AdminClient(settings, observer: quiet)
    let topic = "leak-\(getpid())"
    let group = "leak-\(getpid())"
    let partition = TopicPartition(topic, 0)
    try admin.createTopics([NewTopic(name: topic, partitions: 1, configuration: ["cleanup.policy": "delete"])]).check()
    try admin.alterGroupOffsets(group, [partition: CommittedOffset(offset: 1, metadata: "m")])
    _ = try admin.groupOffsets(group)
    _ = try admin.groupOffsets(group, partitions: [partition])
    _ = try admin.listGroups()
    _ = try admin.describeGroups([group, "none"])
    _ = try admin.describeConfigs(.topic(topic))
    try admin.alterConfigs(.topic(topic), ["retention.ms": "1000"])
    expectFailure("describe a missing topic") { _ = try admin.describeConfigs(.topic("none-\(topic)")) }
    _ = try admin.deleteRecords(before: [partition: 0])
    try admin.deleteGroupOffsets(group, [partition])
    try admin.alterGroupOffsets(group, [partition: CommittedOffset(offset: 2)])
    try admin.deleteGroups([group]).check()
    expectFailure("delete a missing group") { try admin.deleteGroups(["none-\(group)"]).check() }
    try admin.deleteTopics([topic]).check()
    admin.close()
}

/// Clients whose owner forgets to close them are freed all the same.
func forget(_ cluster: MockCluster) throws {
    let producer = try Producer(cluster.settings, observer: quiet)
    try producer.send(OutgoingRecord(topic: "topic", value: [1], headers: [Header("a", text: "b")]))
    let consumer = try Consumer(cluster.settings, group: .none(), observer: quiet)
    try consumer.assign([TopicPartition("topic", 0): .beginning])
    _ = consumer.poll(timeout: .milliseconds(100))
    _ = try AdminClient(cluster.settings, observer: quiet)
}

nonisolated(unsafe) var surprises = 0

func expectFailure(_ what: String, _ body: () throws -> Void) {
    do {
        try body()
        surprises += 1
        print("did not fail: \(what)")
    } catch {}
}

func expectNoFailure(_ what: String, _ body: () throws -> Void) {
    do {
        try body()
    } catch {
        surprises += 1
        print("failed: \(what): \(error)")
        fflush(nil)
    }
}

expectNoFailure("the scenario") {
    refusedSettings()
    let cluster = try MockCluster()
    try cluster.makeTopic("topic", partitions: 2)
    try transactions(cluster)
    try consume(cluster)
    try administer(cluster)
    if CommandLine.arguments.count > 1 { try administerGroups(ClientSettings(bootstrapServers: CommandLine.arguments[1])) }
    try forget(cluster)
    cluster.close()
}
let deadline = ContinuousClock.now.advanced(by: .seconds(120))
while MockCluster.runningThreads > 0, ContinuousClock.now < deadline { usleep(1000) }
print("surprises: \(surprises), threads: \(MockCluster.runningThreads)")
exit(surprises > 0 || MockCluster.runningThreads > 0 ? 1 : 0)
