import CRdKafka

/// A consumer group as a list shows it.
public struct GroupListing: Sendable, Equatable {
    public let id: String
    public let state: GroupState
    /// It only stores offsets, without members.
    public let isSimple: Bool
}

/// The state of a consumer group at its coordinator.
public enum GroupState: String, Sendable {
    case unknown, preparingRebalance, completingRebalance, stable, dead, empty

    init(_ state: rd_kafka_consumer_group_state_t) {
        self =
            switch state {
            case RD_KAFKA_CONSUMER_GROUP_STATE_PREPARING_REBALANCE: .preparingRebalance
            case RD_KAFKA_CONSUMER_GROUP_STATE_COMPLETING_REBALANCE: .completingRebalance
            case RD_KAFKA_CONSUMER_GROUP_STATE_STABLE: .stable
            case RD_KAFKA_CONSUMER_GROUP_STATE_DEAD: .dead
            case RD_KAFKA_CONSUMER_GROUP_STATE_EMPTY: .empty
            default: .unknown
            }
    }
}

/// A consumer group and its members.
public struct GroupDescription: Sendable, Equatable {
    public let id: String
    public let state: GroupState
    /// E.g. `cooperative-sticky`.
    public let assignor: String
    public let members: [Member]
    /// nil: described.
    public let error: KafkaError?

    public struct Member: Sendable, Equatable {
        public let id: String
        /// The static id, for a static member.
        public let instanceID: String?
        public let clientID: String
        public let host: String
        public let partitions: [TopicPartition]
    }
}

extension AdminClient {
    /// All groups that the cluster knows. Throws when any broker did not answer: a part of the list is not the list.
    public func listGroups(timeout: Duration = standardTimeout) throws(KafkaError) -> [GroupListing] {
        try perform(
            RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, "list groups", timeout: timeout,
            submit: { rd_kafka_ListConsumerGroups($0, $1, $2) },
            read: { event throws(KafkaError) in
                let answer = rd_kafka_event_ListConsumerGroups_result(event)
                var errorCount = 0
                let errors = rd_kafka_ListConsumerGroups_result_errors(answer, &errorCount)
                if let error = elements(errors, errorCount).first { throw KafkaError(copying: error).at("list groups") }
                var count = 0
                let groups = rd_kafka_ListConsumerGroups_result_valid(answer, &count)
                return elements(groups, count).map { group in
                    GroupListing(
                        id: optionalText(rd_kafka_ConsumerGroupListing_group_id(group)) ?? "",
                        state: GroupState(rd_kafka_ConsumerGroupListing_state(group)),
                        isSimple: rd_kafka_ConsumerGroupListing_is_simple_consumer_group(group) != 0)
                }
            })
    }

    /// Groups with their members, in the order of `ids`. A group that does not exist is described as dead, as Kafka does.
    public func describeGroups(_ ids: [String], timeout: Duration = standardTimeout) throws(KafkaError) -> [GroupDescription] {
        guard !ids.isEmpty else { return [] }
        return try withCStrings(ids) { names throws(KafkaError) in
            try perform(
                RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, "describe groups", timeout: timeout,
                submit: { rd_kafka_DescribeConsumerGroups($0, names.baseAddress, names.count, $1, $2) },
                read: { event in
                    var count = 0
                    let groups = rd_kafka_DescribeConsumerGroups_result_groups(
                        rd_kafka_event_DescribeConsumerGroups_result(event), &count)
                    return elements(groups, count).map(GroupDescription.init(reading:))
                })
        }
    }

    /// Deletes groups without members, with their offsets.
    public func deleteGroups(_ ids: [String], timeout: Duration = standardTimeout) throws(KafkaError) -> [AdminOutcome] {
        guard !ids.isEmpty else { return [] }
        var requests = HandleArray(free: rd_kafka_DeleteGroup_destroy)
        for id in ids { requests.append(rd_kafka_DeleteGroup_new(id)) }
        return try perform(
            RD_KAFKA_ADMIN_OP_DELETEGROUPS, "delete groups", timeout: timeout,
            submit: { rd_kafka_DeleteGroups($0, &requests.pointers, requests.pointers.count, $1, $2) },
            read: { event in
                var count = 0
                let groups = rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event), &count)
                return elements(groups, count).map { group in
                    let name = optionalText(rd_kafka_group_result_name(group)) ?? ""
                    return AdminOutcome(name: name, error: rd_kafka_group_result_error(group).map { KafkaError(copying: $0).at(name) })
                }
            })
    }

    /// What a group has committed; `partitions` nil means those of all topics that exist, but for Kafka's own. Partitions without a commit are left out.
    ///
    /// A consumer asks that joins nothing: librdkafka 2.0.2's own call ends the process when the broker goes while it waits (confluentinc/librdkafka issue 3663).
    public func groupOffsets(
        _ id: String, partitions: [TopicPartition]? = nil, timeout: Duration = standardTimeout
    ) throws(KafkaError) -> [TopicPartition: CommittedOffset] {
        let deadline = Deadline(after: timeout)
        let asked: [TopicPartition]
        if let partitions { asked = partitions } else { asked = try allPartitions(timeout) }
        guard !asked.isEmpty else { return [:] }
        let reader: Consumer
        do throws(SettingsError) {
            reader = try Consumer(settings, group: GroupSettings(id: id, isolation: .readUncommitted), observer: observer)
        } catch {
            throw KafkaError(RD_KAFKA_RESP_ERR__FAIL, "offsets of group \(id): \(error)")
        }
        defer { reader.close(timeout: .seconds(1)) }
        do throws(KafkaError) { return try reader.committed(asked, timeout: deadline.remaining) } catch { throw error.at("group \(id)") }
    }

    private func allPartitions(_ timeout: Duration) throws(KafkaError) -> [TopicPartition] {
        try metadata(timeout: timeout).topics.values.filter { !$0.name.hasPrefix("__") }
            .flatMap { topic in topic.partitions.map { TopicPartition(topic.name, $0.id) } }
    }

    /// Sets the offsets of a group without active members.
    public func alterGroupOffsets(
        _ id: String, _ offsets: [TopicPartition: CommittedOffset], timeout: Duration = standardTimeout
    ) throws(KafkaError) {
        guard !offsets.isEmpty else { return }
        let list = PartitionList(offsets)
        var requests = HandleArray(free: rd_kafka_AlterConsumerGroupOffsets_destroy)
        requests.append(rd_kafka_AlterConsumerGroupOffsets_new(id, list.pointer))
        try perform(
            RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, "alter offsets of group \(id)", timeout: timeout,
            submit: { rd_kafka_AlterConsumerGroupOffsets($0, &requests.pointers, requests.pointers.count, $1, $2) },
            read: { event throws(KafkaError) in
                var count = 0
                let groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(
                    rd_kafka_event_AlterConsumerGroupOffsets_result(event), &count)
                try checkOffsets(groups, count)
            })
    }

    /// Forgets a group's offsets of these partitions; no member may be subscribed to them.
    public func deleteGroupOffsets(
        _ id: String, _ partitions: [TopicPartition], timeout: Duration = standardTimeout
    ) throws(KafkaError) {
        guard !partitions.isEmpty else { return }
        let list = PartitionList(partitions)
        var requests = HandleArray(free: rd_kafka_DeleteConsumerGroupOffsets_destroy)
        requests.append(rd_kafka_DeleteConsumerGroupOffsets_new(id, list.pointer))
        try perform(
            RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS, "delete offsets of group \(id)", timeout: timeout,
            submit: { rd_kafka_DeleteConsumerGroupOffsets($0, &requests.pointers, requests.pointers.count, $1, $2) },
            read: { event throws(KafkaError) in
                var count = 0
                let groups = rd_kafka_DeleteConsumerGroupOffsets_result_groups(
                    rd_kafka_event_DeleteConsumerGroupOffsets_result(event), &count)
                try checkOffsets(groups, count)
            })
    }

    /// Throws the error of the only group in an answer, or the first of its partitions'.
    private func checkOffsets(_ groups: UnsafeMutablePointer<OpaquePointer?>?, _ count: Int) throws(KafkaError) {
        guard let group = elements(groups, count).first else { return }
        let name = optionalText(rd_kafka_group_result_name(group)) ?? ""
        if let error = rd_kafka_group_result_error(group) { throw KafkaError(copying: error).at("group \(name)") }
        try PartitionList.checkElements(of: rd_kafka_group_result_partitions(group))
    }
}

extension GroupDescription {
    fileprivate init(reading group: OpaquePointer) {
        let members = (0..<rd_kafka_ConsumerGroupDescription_member_count(group)).compactMap { index in
            rd_kafka_ConsumerGroupDescription_member(group, index).map(Member.init(reading:))
        }
        let error = rd_kafka_ConsumerGroupDescription_error(group).map(KafkaError.init(copying:))
        self.init(
            id: optionalText(rd_kafka_ConsumerGroupDescription_group_id(group)) ?? "",
            state: GroupState(rd_kafka_ConsumerGroupDescription_state(group)),
            assignor: optionalText(rd_kafka_ConsumerGroupDescription_partition_assignor(group)) ?? "", members: members,
            error: error?.code == RD_KAFKA_RESP_ERR_NO_ERROR.rawValue ? nil : error)
    }
}

extension GroupDescription.Member {
    fileprivate init(reading member: OpaquePointer) {
        let assignment = rd_kafka_MemberDescription_assignment(member)
        let partitions = assignment.flatMap { rd_kafka_MemberAssignment_partitions($0) }
        self.init(
            id: optionalText(rd_kafka_MemberDescription_consumer_id(member)) ?? "",
            instanceID: optionalText(rd_kafka_MemberDescription_group_instance_id(member)),
            clientID: optionalText(rd_kafka_MemberDescription_client_id(member)) ?? "",
            host: optionalText(rd_kafka_MemberDescription_host(member)) ?? "",
            partitions: PartitionList.elements(of: partitions).map(\.topicPartition))
    }
}

/// Lends C strings for the length of a call.
private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafeMutableBufferPointer<UnsafePointer<CChar>?>) throws(KafkaError) -> Result
) throws(KafkaError) -> Result {
    let copies = strings.map { string in
        let utf8 = string.utf8CString
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: utf8.count)
        copy.initialize(from: Array(utf8), count: utf8.count)
        return copy
    }
    defer { for copy in copies { copy.deallocate() } }
    let pointers = UnsafeMutableBufferPointer<UnsafePointer<CChar>?>.allocate(capacity: copies.count)
    defer { pointers.deallocate() }
    _ = pointers.initialize(from: copies.map { UnsafePointer($0) })
    return try body(pointers)
}
