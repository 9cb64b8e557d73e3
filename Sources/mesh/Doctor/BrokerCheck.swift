import Envelopes
import Kafka
import Terminal
import Topology

/// Looks at the brokers that a mesh uses. Each step gives what it found; the first one throws where no broker answers.
struct BrokerCheck {
    let settings: ClientSettings
    let plan: MeshPlan
    let now: Timestamp

    /// What a clock may be ahead. Milliseconds.
    private static let tolerance: Int64 = 2000
    private static let patience: Duration = .seconds(10)

    func run(_ report: (Finding) -> Void) throws {
        let admin = try AdminClient(settings)
        defer { admin.close() }
        let metadata = try admin.metadata(timeout: Self.patience)
        for finding in brokers(metadata) { report(finding) }
        var known: [String: String]?
        if let broker = metadata.brokers.first {
            let (settings, findings) = features(admin, broker)
            known = settings
            for finding in findings { report(finding) }
        }
        report(transactions())
        let topics = plan.catalogue.topics(bots: plan.topicOwners)
        let names = Set(topics.map(\.type.name))
        let steps = try TopicApplier(admin, timeout: Self.patience).plan(plan.catalogue, bots: plan.topicOwners)
        for finding in TopicCheck(plan: steps, metadata: metadata, names: names).findings { report(finding) }
        for finding in access(admin, authorizer: known?["authorizer.class.name"]) { report(finding) }
        report(groups(metadata))
        if metadata.topics[InstanceRecord.topic]?.error == nil, let topic = metadata.topics[InstanceRecord.topic] {
            if let finding = clock(topic, admin) { report(finding) }
        }
    }

    /// The addresses that brokers tell to clients, which need not be the one that they were found by.
    private func brokers(_ metadata: ClusterMetadata) -> [Finding] {
        let reaches = metadata.brokers.map { broker in
            (broker, BrokerProbe.reach(BrokerAddress(host: broker.host, port: UInt16(clamping: broker.port)), limit: .seconds(3)))
        }
        let unreached = reaches.filter { $0.1 != .connects }.map { "\($0.0.host):\($0.0.port)" }
        let count = "\(metadata.brokers.count - unreached.count) of \(metadata.brokers.count) brokers reached"
        guard unreached.isEmpty else {
            return [
                .problem(
                    "brokers", "\(count); not at the address that they give: \(some(unreached))",
                    mend: "start them, or correct advertised.listeners, or this machine's DNS and routes")
            ]
        }
        let addresses = metadata.brokers.map { "\($0.host):\($0.port)" }
        return [.fine("brokers", "\(count) (\(some(addresses))), cluster \(metadata.clusterID ?? "?")")]
    }

    /// What the first broker says of itself; nil settings where it does not let itself be read.
    private func features(_ admin: AdminClient, _ broker: ClusterMetadata.Broker) -> (settings: [String: String]?, findings: [Finding]) {
        let isPlain = !(settings["security.protocol"] ?? "plaintext").lowercased().contains("ssl")
        let requests = isPlain ? APIVersionsProbe.ask(host: broker.host, port: UInt16(clamping: broker.port)) : nil
        do throws(KafkaError) {
            let entries = try admin.describeConfigs(.broker(broker.id), timeout: Self.patience).compactMapValues(\.value)
            return (entries, BrokerFeatures(requests: requests, settings: entries).findings)
        } catch {
            let unread = Finding.warning(
                "settings", "the broker's settings cannot be read: \(error)", mend: "ask as an operator who may DescribeConfigs")
            return (nil, BrokerFeatures(requests: requests, settings: [:]).findings + [unread])
        }
    }

    /// Takes a transactional id of its own, which is what every bot does first.
    private func transactions() -> Finding {
        do {
            let producer = try Producer(settings, ProducerSettings(transactionalID: "mesh-doctor"))
            defer { producer.close(timeout: .seconds(2)) }
            try producer.initTransactions(timeout: Self.patience)
            return .fine("transactions", "a transactional producer can begin")
        } catch let error as KafkaError where error.name.contains("AUTHORIZATION") {
            return .warning(
                "transactions", "not tried: \(error)", mend: "ask as an operator who may write to the transactional id mesh-doctor")
        } catch {
            return .problem(
                "transactions", "no transactional producer can begin: \(error)",
                mend: "see the broker's log (transaction.state.log.*), or do without: mesh up --delivery at-least-once")
        }
    }

    /// librdkafka 2.0.2 gives an empty list where the broker says SECURITY_DISABLED: the broker's settings tell the two apart.
    private func access(_ admin: AdminClient, authorizer: String?) -> [Finding] {
        if authorizer == "" { return [.fine("access", "the broker has no authorizer: every client may do everything")] }
        do {
            let rules = try admin.accessRules(timeout: Self.patience)
            if rules.isEmpty, authorizer == nil {
                return [
                    .warning(
                        "access", "no access rule can be seen: the broker has no authorizer, or this login may not look",
                        mend: "nothing in the first case; else ask as an operator who may Describe the cluster")
                ]
            }
            return AccessCheck(bots: try plan.access(), rules: rules).findings
        } catch {
            return [
                .warning("access", "the access rules cannot be read: \(error)", mend: "ask as an operator who may Describe the cluster")
            ]
        }
    }

    /// Who works is told by the instances' own records: librdkafka's calls about groups end this process when a broker goes while they wait
    /// (confluentinc/librdkafka issue 3663), and a broker in trouble is what this command is for.
    private func groups(_ metadata: ClusterMetadata) -> Finding {
        let names = plan.bots.map(\.name)
        // Where its topic is missing, which another finding tells, no instance can have reported.
        guard metadata.topics[InstanceRecord.topic] != nil else { return GroupCheck(bots: names, statuses: []).finding }
        do {
            let records = try LastRecords<InstanceRecord>(settings, topic: InstanceRecord.topic)
            defer { records.close() }
            try records.catchUp(timeout: Self.patience)
            return GroupCheck(bots: names, statuses: InstanceStatus.list(records.values, Wishes(), now: .now, all: true)).finding
        } catch {
            return .warning(
                "groups", "who does the bots' work cannot be seen: \(error)",
                mend: "ask as an operator who may read \(InstanceRecord.topic)")
        }
    }

    /// Instances report themselves every few seconds, each by its own clock: none of their records can be from the future.
    private func clock(_ topic: ClusterMetadata.Topic, _ admin: AdminClient) -> Finding? {
        let partitions = topic.partitions.map { TopicPartition(topic: topic.name, partition: $0.id) }
        guard let newest = try? RecordTimes.newest(of: partitions, settings, admin) else { return nil }
        let ahead = newest - Timestamp.now.milliseconds
        guard ahead > Self.tolerance else { return .fine("clock", "no instance's clock is ahead of this machine's") }
        return .problem(
            "clock", "an instance's clock is \(HumanText.duration(.milliseconds(ahead))) ahead of this machine's",
            mend: "keep the clocks of all machines by a time service; mesh ps tells which hosts there are")
    }
}

extension BrokerAddress {
    init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }
}

/// The times of records, without their contents.
enum RecordTimes {
    /// The newest timestamp at the ends of these partitions, in milliseconds since 1970; nil where there is no record, or none within 3 s.
    static func newest(of partitions: [TopicPartition], _ settings: ClientSettings, _ admin: AdminClient) throws -> Int64? {
        var starts: [TopicPartition: StartOffset] = [:]
        for partition in partitions {
            let marks = try admin.watermarks(of: partition, timeout: .seconds(5))
            // The last offset can be that of a transaction's mark.
            if marks.high > marks.low { starts[partition] = .at(max(marks.low, marks.high - 3)) }
        }
        guard !starts.isEmpty else { return nil }
        let consumer = try Consumer(settings, group: .none())
        defer { _ = consumer.close(timeout: .seconds(2)) }
        try consumer.assign(starts)
        var newest: Int64?
        var left = Set(starts.keys)
        let deadline = ContinuousClock.now.advanced(by: .seconds(3))
        while !left.isEmpty, ContinuousClock.now < deadline {
            if case .record(let record) = consumer.poll(timeout: .milliseconds(200)), record.timestamp.kind != .none {
                newest = max(newest ?? .min, record.timestamp.milliseconds)
                left.remove(record.topicPartition)
            }
        }
        return newest
    }
}
