import CRdKafka

/// What became of a commit; the error is nil where the broker took it.
public typealias CommitAnswer = (offsets: [TopicPartition: CommittedOffset], error: KafkaError?)

/// Flow, offsets and look-ups. All on the thread that owns the consumer; those with a time limit block.
extension Consumer {
    /// Stops the delivery of these partitions; what was fetched ahead is dropped and fetched again. Polling goes on.
    public func pause(_ partitions: some Collection<TopicPartition>) throws(KafkaError) {
        let list = PartitionList(partitions)
        pausedPartitions.formUnion(partitions)
        try check(rd_kafka_pause_partitions(handle.pointer, list.pointer), "pause")
        try list.checkElements()
    }

    public func resume(_ partitions: some Collection<TopicPartition>) throws(KafkaError) {
        let list = PartitionList(partitions)
        pausedPartitions.subtract(partitions)
        try check(rd_kafka_resume_partitions(handle.pointer, list.pointer), "resume")
        try list.checkElements()
    }

    /// Continues assigned partitions at other offsets.
    public func seek(_ offsets: [TopicPartition: StartOffset], timeout: Duration = .seconds(10)) throws(KafkaError) {
        let list = PartitionList(offsets.mapValues(\.rawValue))
        // Before 2.1.0 librdkafka waits for a thousandth of the time (confluentinc/librdkafka pull request 4230).
        let factor: Int32 = rd_kafka_version() < 0x0201_0000 ? 1_000 : 1
        try check(rd_kafka_seek_partitions(handle.pointer, list.pointer, min(timeout.rdMilliseconds, .max / factor) * factor))
        try list.checkElements()
    }

    /// Fetches an assigned partition anew, of which nothing comes although it is not paused: it is paused and resumed, since one whose resumption librdkafka has lost
    /// stays paused for ever (confluentinc/librdkafka issue 5591), and then put to an offset; nil: it goes on where it is.
    public func fetchAnew(_ partition: TopicPartition, from offset: StartOffset?, timeout: Duration = .seconds(10)) throws(KafkaError) {
        try pause([partition])
        try resume([partition])
        if let offset { try seek([partition: offset], timeout: timeout) }
    }

    /// Commits and waits for the broker's answer. During a rebalance a commit may be refused (`isStaleMember`): expect it. While the member joins its group, from the
    /// answer that calls for it, nothing is sent, and the error is one that `isJoining`: the commit would wait behind the join on the same connection and be refused because the
    /// group has gone on meanwhile, and librdkafka would give all partitions up for lost. In a close it is sent in any case.
    ///
    /// One that is not answered in time (`isTimeout`) is under way still, as one in the background is. `timeout` counts from when it is sent; before that librdkafka's thread
    /// for the group may have to do what lies before it.
    public func commit(_ offsets: [TopicPartition: CommittedOffset], timeout: Duration = .seconds(10)) throws(KafkaError) {
        guard !offsets.isEmpty else { return }
        let number = try askToCommit(offsets)
        let deadline = Deadline(after: timeout)
        repeat {
            guard let (answered, answer) = nextCommitAnswer(within: deadline.remaining) else { continue }
            guard answered == number else {
                otherAnswers.append(answer)
                continue
            }
            if let error = answer.error { throw error }
            return
        } while !deadline.hasPassed
        throw .timedOut("commit", after: timeout)
    }

    /// Commits without waiting; what became of it comes through `answeredCommits`. Two that are under way can come to the broker in either order, when it was away:
    /// whoever must not go back waits until the first is answered (`isCommitting`). Throws what `isJoining` as `commit` does.
    public func commitInBackground(_ offsets: [TopicPartition: CommittedOffset]) throws(KafkaError) {
        guard !offsets.isEmpty, commitAnswers != nil else { return }
        _ = try askToCommit(offsets)
    }

    /// Whether a commit in the background, or one that was not answered in time, is not answered, or its answer was not taken.
    public var isCommitting: Bool { openCommits > 0 || !otherAnswers.isEmpty }

    /// What became of background commits, and of such as were not answered in time, since the last call. Does not block.
    public func answeredCommits() -> [CommitAnswer] {
        var answers = otherAnswers
        otherAnswers = []
        while let (_, answer) = nextCommitAnswer(within: .zero) { answers.append(answer) }
        return answers
    }

    /// The commit's number.
    private func askToCommit(_ offsets: [TopicPartition: CommittedOffset]) throws(KafkaError) -> UInt {
        guard let commitAnswers else { throw .closed("the consumer") }
        let list = PartitionList(offsets)
        lastCommit += 1
        let number = UnsafeMutableRawPointer(bitPattern: lastCommit)
        func send() -> rd_kafka_resp_err_t { rd_kafka_commit_queue(handle.pointer, list.pointer, commitAnswers.pointer, nil, number) }
        // As it ends no join begins any more, and librdkafka 2.0.2 may answer nothing.
        guard let code = isClosed ? send() : handle.context.joinWatch.unlessJoining(hear: hearGroup, send) else {
            throw fatalError ?? .joining
        }
        try check(code, "commit")
        openCommits += 1
        return lastCommit
    }

    /// Waits until librdkafka's thread for the group has done what lay before it.
    private func hearGroup() {
        if let metadata = rd_kafka_consumer_group_metadata(handle.pointer) { rd_kafka_consumer_group_metadata_destroy(metadata) }
    }

    private func nextCommitAnswer(within limit: Duration) -> (number: UInt, answer: CommitAnswer)? {
        guard let commitAnswers, let event = rd_kafka_queue_poll(commitAnswers.pointer, limit.rdMilliseconds) else { return nil }
        defer { rd_kafka_event_destroy(event) }
        guard rd_kafka_event_type(event) == RD_KAFKA_EVENT_OFFSET_COMMIT else { return nil }
        openCommits -= 1
        let number = UInt(bitPattern: rd_kafka_event_opaque(event))
        let list = rd_kafka_event_topic_partition_list(event)
        var offsets: [TopicPartition: CommittedOffset] = [:]
        if let list { for element in PartitionList.elements(of: list) { offsets[element.topicPartition] = element.committed } }
        do throws(KafkaError) {
            try PartitionList.checkElements(of: list)
            try check(rd_kafka_event_error(event), "commit")
            return (number, (offsets, nil))
        } catch {
            return (number, (offsets, error))
        }
    }

    /// What the group has committed; partitions without a commit are left out.
    public func committed(
        _ partitions: some Collection<TopicPartition>, timeout: Duration = .seconds(10)
    ) throws(KafkaError) -> [TopicPartition: CommittedOffset] {
        let list = PartitionList(partitions)
        try check(rd_kafka_committed(handle.pointer, list.pointer, timeout.rdMilliseconds), "committed")
        try list.checkElements()
        var result: [TopicPartition: CommittedOffset] = [:]
        for element in list.elements { result[element.topicPartition] = element.committed }
        return result
    }

    /// The offset after the last record that `poll` returned; nil before the first.
    public func position(of partition: TopicPartition) throws(KafkaError) -> Int64? {
        let list = PartitionList([partition])
        try check(rd_kafka_position(handle.pointer, list.pointer), "position")
        try list.checkElements()
        let offset = list.elements[0].offset
        return offset >= 0 ? offset : nil
    }

    /// The ends of a partition's log, asked of its leader. With read-committed isolation the high end is that of the committed part.
    public func watermarks(of partition: TopicPartition, timeout: Duration = .seconds(10)) throws(KafkaError) -> Watermarks {
        try queryWatermarks(handle.pointer, partition, timeout)
    }

    /// The ends of many partitions' logs, in two requests to each broker. Partitions without a leader, or that there are none of, are left out; where one leader does not
    /// answer, or refuses one partition, librdkafka 2.0.2 tells of none, and this throws.
    ///
    /// With read-committed isolation the high end is that of the committed part.
    public func watermarks(
        of partitions: some Collection<TopicPartition>, timeout: Duration = .seconds(10)
    ) throws(KafkaError) -> [TopicPartition: Watermarks] {
        guard !partitions.isEmpty else { return [:] }
        let deadline = Deadline(after: timeout)
        // The low end first: it is never beyond a high end that was asked for later.
        let low = try queryEnds(handle.pointer, partitions, Int64(RD_KAFKA_OFFSET_BEGINNING), deadline.remaining)
        let high = try queryEnds(handle.pointer, partitions, Int64(RD_KAFKA_OFFSET_END), deadline.remaining)
        var marks: [TopicPartition: Watermarks] = [:]
        for (partition, high) in high { if let low = low[partition] { marks[partition] = Watermarks(low: low, high: high) } }
        return marks
    }

    /// The ends as the last fetch told them, without asking; nil before the first fetch.
    public func cachedWatermarks(of partition: TopicPartition) -> Watermarks? {
        var low: Int64 = -1
        var high: Int64 = -1
        let code = rd_kafka_get_watermark_offsets(handle.pointer, partition.topic, partition.partition, &low, &high)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, high >= 0 else { return nil }
        return Watermarks(low: max(low, 0), high: high)
    }

    /// Asks the leaders of partitions for their ends, without waiting for the answer. With read-committed isolation these are the ends of the committed part.
    public func askEnds(of partitions: some Collection<TopicPartition>) { endsAsker.ask(Array(partitions)) }

    /// What came of `askEnds` since the last call; partitions without a leader are left out. Nil: nothing yet, or no answer of one of the leaders.
    public func answeredEnds() -> [TopicPartition: Int64]? { endsAsker.takeAnswer() }

    /// For each partition the offset of its first record that is not older than its time; nil when there is none.
    public func offsets(
        forTime milliseconds: [TopicPartition: Int64], timeout: Duration = .seconds(10)
    ) throws(KafkaError) -> [TopicPartition: Int64?] {
        try queryOffsets(handle.pointer, forTime: milliseconds, timeout)
    }

    /// Who this member is at this moment, for `Producer.sendOffsets`; from its close on, who it was as that began.
    public func groupMetadata() throws(KafkaError) -> GroupMetadata {
        guard isClosed else { return try Self.groupMetadata(of: handle.pointer) }
        guard let lastMetadata else { throw KafkaError(RD_KAFKA_RESP_ERR__STATE, "the consumer is closed") }
        return lastMetadata
    }

    static func groupMetadata(of client: OpaquePointer) throws(KafkaError) -> GroupMetadata {
        guard let metadata = rd_kafka_consumer_group_metadata(client) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__STATE, "the consumer has no group")
        }
        defer { rd_kafka_consumer_group_metadata_destroy(metadata) }
        var buffer: UnsafeMutableRawPointer?
        var size = 0
        try check(rd_kafka_consumer_group_metadata_write(metadata, &buffer, &size))
        defer { rd_kafka_mem_free(nil, buffer) }
        return GroupMetadata(bytes: Array(UnsafeRawBufferPointer(start: buffer, count: size)))
    }
}

func queryWatermarks(_ client: OpaquePointer, _ partition: TopicPartition, _ timeout: Duration) throws(KafkaError) -> Watermarks {
    var low: Int64 = 0
    var high: Int64 = 0
    try check(
        rd_kafka_query_watermark_offsets(client, partition.topic, partition.partition, &low, &high, timeout.rdMilliseconds),
        "watermarks of \(partition)")
    return Watermarks(low: low, high: high)
}

/// Asks for an end where others ask for a time: the protocol's times below zero mean the ends.
func queryEnds(
    _ client: OpaquePointer, _ partitions: some Collection<TopicPartition>, _ end: Int64, _ timeout: Duration
) throws(KafkaError) -> [TopicPartition: Int64] {
    let list = PartitionList(Dictionary(partitions.map { ($0, end) }, uniquingKeysWith: { first, _ in first }))
    try check(rd_kafka_offsets_for_times(client, list.pointer, timeout.rdMilliseconds), "ends of partitions")
    var result: [TopicPartition: Int64] = [:]
    for element in list.elements where element.err == RD_KAFKA_RESP_ERR_NO_ERROR && element.offset >= 0 {
        result[element.topicPartition] = element.offset
    }
    return result
}

func queryOffsets(
    _ client: OpaquePointer, forTime milliseconds: [TopicPartition: Int64], _ timeout: Duration
) throws(KafkaError) -> [TopicPartition: Int64?] {
    guard !milliseconds.isEmpty else { return [:] }
    let list = PartitionList(milliseconds.mapValues { max(0, $0) })
    try check(rd_kafka_offsets_for_times(client, list.pointer, timeout.rdMilliseconds), "offsets for times")
    try list.checkElements()
    var result: [TopicPartition: Int64?] = [:]
    for element in list.elements { result.updateValue(element.offset >= 0 ? element.offset : nil, forKey: element.topicPartition) }
    return result
}
