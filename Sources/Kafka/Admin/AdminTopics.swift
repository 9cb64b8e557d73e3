import CRdKafka

/// A topic to be created.
public struct NewTopic: Sendable, Equatable {
    public var name: String
    /// 1 or more. Said, never left to the broker: brokers differ in their default.
    public var partitions: Int32
    /// -1 leaves it to the broker.
    public var replicas: Int32
    public var configuration: [String: String]

    public init(name: String, partitions: Int32, replicas: Int32 = -1, configuration: [String: String] = [:]) {
        self.name = name
        self.partitions = partitions
        self.replicas = replicas
        self.configuration = configuration
    }
}

extension AdminClient {
    /// Creates topics, each for itself. One that exists is an outcome with `isTopicAlreadyExists`. `validateOnly` asks without changing.
    public func createTopics(
        _ topics: [NewTopic], validateOnly: Bool = false, timeout: Duration = standardTimeout
    ) throws(KafkaError) -> [AdminOutcome] {
        guard !topics.isEmpty else { return [] }
        var requests = HandleArray(free: rd_kafka_NewTopic_destroy)
        var buffer = [CChar](repeating: 0, count: 256)
        for topic in topics {
            guard let request = rd_kafka_NewTopic_new(topic.name, topic.partitions, topic.replicas, &buffer, buffer.count) else {
                throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, "topic \(topic.name): \(text(buffer))")
            }
            requests.append(request)
            for (name, value) in topic.configuration.sorted(by: { $0.key < $1.key }) {
                try check(rd_kafka_NewTopic_set_config(request, name, value), "topic \(topic.name), \(name)")
            }
        }
        return try perform(
            RD_KAFKA_ADMIN_OP_CREATETOPICS, "create topics", timeout: timeout, validateOnly: validateOnly,
            submit: { rd_kafka_CreateTopics($0, &requests.pointers, requests.pointers.count, $1, $2) },
            read: { event in
                var count = 0
                return topicOutcomes(rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count), count)
            })
    }

    /// Deletes topics with all their records.
    public func deleteTopics(_ names: [String], timeout: Duration = standardTimeout) throws(KafkaError) -> [AdminOutcome] {
        guard !names.isEmpty else { return [] }
        var requests = HandleArray(free: rd_kafka_DeleteTopic_destroy)
        for name in names { requests.append(rd_kafka_DeleteTopic_new(name)) }
        return try perform(
            RD_KAFKA_ADMIN_OP_DELETETOPICS, "delete topics", timeout: timeout,
            submit: { rd_kafka_DeleteTopics($0, &requests.pointers, requests.pointers.count, $1, $2) },
            read: { event in
                var count = 0
                return topicOutcomes(rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count), count)
            })
    }

    /// Raises topics to these numbers of partitions; a number can never fall. Keys are spread anew from then on.
    public func createPartitions(
        _ totals: [String: Int32], validateOnly: Bool = false, timeout: Duration = standardTimeout
    ) throws(KafkaError) -> [AdminOutcome] {
        guard !totals.isEmpty else { return [] }
        var requests = HandleArray(free: rd_kafka_NewPartitions_destroy)
        var buffer = [CChar](repeating: 0, count: 256)
        for (topic, total) in totals.sorted(by: { $0.key < $1.key }) {
            guard let request = rd_kafka_NewPartitions_new(topic, Int(max(0, total)), &buffer, buffer.count) else {
                throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, "topic \(topic): \(text(buffer))")
            }
            requests.append(request)
        }
        return try perform(
            RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, "create partitions", timeout: timeout, validateOnly: validateOnly,
            submit: { rd_kafka_CreatePartitions($0, &requests.pointers, requests.pointers.count, $1, $2) },
            read: { event in
                var count = 0
                return topicOutcomes(rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), &count), count)
            })
    }

    /// Deletes the records before these offsets; -1 means all. Returns the new low watermark of each partition. Throws the first refusal.
    public func deleteRecords(
        before offsets: [TopicPartition: Int64], timeout: Duration = standardTimeout
    ) throws(KafkaError) -> [TopicPartition: Int64] {
        guard !offsets.isEmpty else { return [:] }
        let list = PartitionList(offsets)
        var requests = HandleArray(free: rd_kafka_DeleteRecords_destroy)
        requests.append(rd_kafka_DeleteRecords_new(list.pointer))
        return try perform(
            RD_KAFKA_ADMIN_OP_DELETERECORDS, "delete records", timeout: timeout,
            submit: { rd_kafka_DeleteRecords($0, &requests.pointers, requests.pointers.count, $1, $2) },
            read: { event throws(KafkaError) in
                let answer = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event))
                try PartitionList.checkElements(of: answer)
                var low: [TopicPartition: Int64] = [:]
                for element in PartitionList.elements(of: answer) { low[element.topicPartition] = element.offset }
                return low
            })
    }

    private func topicOutcomes(_ results: UnsafeMutablePointer<OpaquePointer?>?, _ count: Int) -> [AdminOutcome] {
        elements(results, count).map { result in
            AdminOutcome(
                name: optionalText(rd_kafka_topic_result_name(result)) ?? "", code: rd_kafka_topic_result_error(result),
                message: rd_kafka_topic_result_error_string(result))
        }
    }
}
