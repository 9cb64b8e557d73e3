import CRdKafka
import Synchronization

/// What one `poll` brought.
public enum PollResult: Sendable, Equatable {
    case record(Record)
    /// The end of a partition was reached; `offset` is where the next record will be. Only with `reportsPartitionEnd`.
    case partitionEnd(TopicPartition, offset: Int64)
    /// Something is wrong; the consumer goes on unless the error is fatal.
    case error(KafkaError)
}

/// A consumer, confined to the thread that made it: every method, `close` included, is called there. Most block; none belongs on Swift's shared pool.
///
/// Dynamic membership, cooperative-sticky assignment and commits by hand are the defaults. Close it, or its partitions stay taken until the session ends.
public final class Consumer {
    let handle: ClientHandle
    private let isSticky: Bool
    private let isStatic: Bool
    /// Whether partitions are given and taken one by one, as librdkafka said last; all assignors of a client do the same.
    private var isCooperative: Bool
    private weak var delegate: (any RebalanceDelegate)?
    private var topicNames = TopicNames()
    private(set) var fetchWaker: FetchWaker
    let endsAsker: EndsAsker
    /// Partitions that were paused and not resumed, also such as are not assigned any more.
    var pausedPartitions: Set<TopicPartition> = []
    /// Errors of a rebalance, told by the polls that follow. At most 64 are kept.
    private var pendingErrors: [KafkaError] = []
    private(set) var isClosed = false
    /// Who the member was when its close began.
    private(set) var lastMetadata: GroupMetadata?
    /// Answers to commits; nil once closed, since librdkafka wants its queues back before its client ends.
    private(set) var commitAnswers: ClientQueue?
    /// Commits that are not answered.
    var openCommits = 0
    /// The number of the last commit.
    var lastCommit: UInt = 0
    /// Answers that came while another one was waited for.
    var otherAnswers: [CommitAnswer] = []

    /// Connects in the background. The delegate is not retained.
    public init(
        _ settings: ClientSettings, group: GroupSettings, events delegate: (any RebalanceDelegate)? = nil,
        observer: ClientObserver = ClientObserver()
    ) throws(SettingsError) {
        let context = ClientContext(observer: observer, logLevel: settings.logLevel)
        let overrides = group.overrides.merging(JoinWatch.properties(settings)) { $1 }
        handle = try ClientHandle(
            RD_KAFKA_CONSUMER, settings, defaults: GroupSettings.defaults, overrides: overrides, context: context)
        fetchWaker = FetchWaker(handle, limit: group.prefetchKilobytes)
        endsAsker = EndsAsker(handle)
        isSticky = settings["partition.assignment.strategy"]?.contains("sticky") ?? true
        isCooperative = settings["partition.assignment.strategy"]?.contains("cooperative") ?? true
        isStatic = group.instanceID != nil
        self.delegate = delegate
        commitAnswers = ClientQueue(owning: rd_kafka_queue_new(handle.pointer))
        let incoming = ClientQueue(owning: rd_kafka_queue_get_consumer(handle.pointer))
        waker = { incoming.wake() }
        // Statistics, errors and the like are then served by the consumer's own poll.
        rd_kafka_poll_set_consumer(handle.pointer)
        context.consumer = self
    }

    /// Ends the `poll` that waits, or the next one, at once. Any thread, also after `close`.
    public let waker: @Sendable () -> Void

    // MARK: What it reads

    /// Joins the group for these topics; a name that begins with `^` is a regular expression. Partitions come through `poll`.
    public func subscribe(to topics: [String]) throws(KafkaError) {
        let list = PartitionList(topics.map { TopicPartition($0, -1) })
        // librdkafka 2.0.2 aborts when a client with the sticky assignor is freed between its joining and its first assignment
        // (confluentinc/librdkafka issue 4312, mended in 2.3).
        if isSticky { handle.mustNotBeFreed.store(true, ordering: .releasing) }
        try check(rd_kafka_subscribe(handle.pointer, list.pointer), "subscribe")
    }

    /// Reads these partitions from these offsets, beside any group. Replaces what was assigned. See `StartOffset` for the offsets.
    public func assign(_ partitions: [TopicPartition: StartOffset]) throws(KafkaError) {
        let list = PartitionList(partitions.mapValues(\.rawValue))
        try check(rd_kafka_assign(handle.pointer, list.pointer), "assign")
    }

    public var assignment: [TopicPartition] {
        get throws(KafkaError) {
            var result: PartitionList.Pointer?
            try check(rd_kafka_assignment(handle.pointer, &result), "assignment")
            guard let result else { return [] }
            return PartitionList(owning: result).partitions
        }
    }

    /// Whether the partitions have passed to others without a revocation. Only true inside `RebalanceDelegate.lost`.
    public var isAssignmentLost: Bool { rd_kafka_assignment_lost(handle.pointer) != 0 }

    /// The member's id, as the coordinator gave it; empty before it has joined.
    public var memberID: String {
        guard let id = rd_kafka_memberid(handle.pointer) else { return "" }
        defer { rd_kafka_mem_free(handle.pointer, id) }
        return String(cString: id)
    }

    public var fatalError: KafkaError? { Kafka.fatalError(of: handle.pointer) }

    // MARK: Polling

    /// Waits up to `timeout` for a record, a partition's end or an error; nil when there was none, or when a rebalance was served instead.
    public func poll(timeout: Duration) -> PollResult? {
        switch next(timeout) {
        case .message(let message):
            defer { rd_kafka_message_destroy(message) }
            return .record(Record(reading: message, names: &topicNames))
        case .other(let result): return result
        case nil: return nil
        }
    }

    /// The same; a record is not read but put to `records`, whose count is larger then.
    public func poll(timeout: Duration, into records: FetchedRecords) -> PollResult? {
        switch next(timeout) {
        case .message(let message):
            records.append(message)
            return nil
        case .other(let result): return result
        case nil: return nil
        }
    }

    private enum Next {
        case message(UnsafeMutablePointer<rd_kafka_message_t>)
        case other(PollResult)
    }

    @inline(__always) private func next(_ timeout: Duration) -> Next? {
        if !pendingErrors.isEmpty { return .other(.error(pendingErrors.removeFirst())) }
        guard let message = rd_kafka_consumer_poll(handle.pointer, timeout.rdMilliseconds) else {
            return pendingErrors.isEmpty ? nil : .other(.error(pendingErrors.removeFirst()))
        }
        guard message.pointee.err != RD_KAFKA_RESP_ERR_NO_ERROR else {
            fetchWaker.polled(message.pointee)
            return .message(message)
        }
        defer { rd_kafka_message_destroy(message) }
        switch message.pointee.err {
        case RD_KAFKA_RESP_ERR__PARTITION_EOF:
            let topic = topicNames.name(of: message.pointee.rkt)
            return .other(.partitionEnd(TopicPartition(topic, message.pointee.partition), offset: message.pointee.offset))
        case RD_KAFKA_RESP_ERR__FATAL: return .other(.error(fatalError ?? KafkaError(RD_KAFKA_RESP_ERR__FATAL)))
        default: return .other(.error(error(in: message)))
        }
    }

    private func error(in message: UnsafeMutablePointer<rd_kafka_message_t>) -> KafkaError {
        let error = KafkaError(message.pointee.err, rd_kafka_message_errstr(message).map(String.init(cString:)))
        guard let topic = message.pointee.rkt else { return error }
        return error.at("\(topicNames.name(of: topic))[\(message.pointee.partition)]")
    }

    // MARK: Rebalance

    /// Called by librdkafka inside `poll` and `close`.
    func rebalance(_ code: rd_kafka_resp_err_t, _ list: PartitionList.Pointer) {
        let partitions = PartitionList.elements(of: list).map(\.topicPartition)
        if !isClosed, let name = rd_kafka_rebalance_protocol(handle.pointer) { isCooperative = String(cString: name) == "COOPERATIVE" }
        do throws(KafkaError) {
            switch code {
            case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
                handle.mustNotBeFreed.store(false, ordering: .releasing)
                // What comes during the close goes at once.
                if !isClosed { delegate?.assigning(partitions, to: self) }
                try make(.assign, list)
                if isClosed { return }
                // An assignment begins unpaused, whatever an earlier one of the same partition was.
                let paused = partitions.filter(pausedPartitions.contains)
                if !paused.isEmpty { try resume(paused) }
            case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
                if isAssignmentLost {
                    delegate?.lost(partitions, from: self)
                } else {
                    delegate?.revoking(partitions, from: self)
                }
                resumeBeforeGivingUp(partitions)
                try make(isCooperative ? .giveUp : .giveAllUp, list)
            default:
                try make(.giveAllUp, list)
                throw KafkaError(code)
            }
        } catch {
            note(error)
        }
    }

    /// An error inside a rebalance, for the next `poll`.
    private func note(_ error: KafkaError) { if pendingErrors.count < 64 { pendingErrors.append(error.at("rebalance")) } }

    /// What comes back one day begins unpaused. A resumption right behind that assignment may be lost: librdkafka numbers what a partition is asked for, and
    /// drops what arrives behind a later number, as of the fetch that its own thread starts meanwhile (confluentinc/librdkafka issue 5591).
    private func resumeBeforeGivingUp(_ partitions: [TopicPartition]) {
        let paused = partitions.filter(pausedPartitions.contains)
        // A client that closes may answer nothing any more, and nothing comes back to it.
        guard !paused.isEmpty, !isClosed else { return }
        // They go in any case.
        do throws(KafkaError) { try resume(paused) } catch { note(error) }
    }

    private enum Change: Sendable { case assign, giveUp, giveAllUp }

    private func make(_ change: Change, _ list: PartitionList.Pointer) throws(KafkaError) {
        if isClosed { return try makeWhileClosing(change, list) }
        try Self.make(change, list, isCooperative, of: handle.pointer)
    }

    private static func make(
        _ change: Change, _ list: PartitionList.Pointer, _ isCooperative: Bool, of client: OpaquePointer
    ) throws(KafkaError) {
        switch change {
        case .assign where isCooperative: try check(rd_kafka_incremental_assign(client, list))
        case .assign: try check(rd_kafka_assign(client, list), "assign")
        case .giveUp: try check(rd_kafka_incremental_unassign(client, list))
        case .giveAllUp: try check(rd_kafka_assign(client, nil), "unassign")
        }
    }

    /// librdkafka 2.0.2 never answers what its group handler is asked as it ends, be it to give partitions up or what protocol it has (confluentinc/librdkafka
    /// issue 4041): a revocation that was under way when the close began can come so late. What has to be asked then is asked on a thread of its own, and with
    /// it a client that does not answer is left behind.
    private func makeWhileClosing(_ change: Change, _ list: PartitionList.Pointer) throws(KafkaError) {
        nonisolated(unsafe) let client = handle.pointer
        // Whoever still waits for the answer still has the list.
        nonisolated(unsafe) let copy = rd_kafka_topic_partition_list_copy(list)!
        let isCooperative = isCooperative
        let failure = Late<KafkaError>()
        let isAnswered = DedicatedThread.run(name: "kafka-unassign", limit: .seconds(2)) {
            do throws(KafkaError) {
                try Self.make(change, copy, isCooperative, of: client)
            } catch {
                failure.value.withLock { $0 = error }
            }
            rd_kafka_topic_partition_list_destroy(copy)
        }
        guard isAnswered else {
            handle.abandon()
            throw .timedOut("giving partitions up", after: .seconds(2))
        }
        if let error = failure.value.withLock({ $0 }) { throw error }
    }

    /// What another thread found out.
    private final class Late<Value: Sendable>: Sendable { let value = Mutex<Value?>(nil) }

    // MARK: Closing

    /// Gives the partitions up (the delegate hears of it first), leaves the group unless the member is static, and frees the consumer.
    ///
    /// Serves rebalances for up to `timeout`; then the client is abandoned and freed in the background. Returns whether it ended in time.
    @discardableResult
    public func close(timeout: Duration = .seconds(5)) -> Bool {
        guard !isClosed else { return true }
        isClosed = true
        let deadline = Deadline(after: timeout)
        // A slow machine must not be taken for a client that has locked itself up; the rest of the time is for leaving.
        prepareToLeave(min(max(.seconds(2), timeout / 2), timeout))
        var isInTime = leaveGroup(deadline)
        commitAnswers = nil
        let isQuiet = [fetchWaker.close, endsAsker.close].allSatisfy { $0(max(deadline.remaining, .milliseconds(100))) }
        if !isQuiet { handle.abandon() }
        isInTime = handle.destroy(limit: max(deadline.remaining, .milliseconds(500))) && isInTime
        return isInTime
    }

    /// Learns who the member is, for what it commits while it gives its partitions up: then that may not be answered any more. On a thread of its own, since a
    /// client that has locked itself up answers nothing.
    ///
    /// librdkafka 2.0.2 closes a cooperative member without partitions and does not leave the group, which then waits for it until its session is over.
    /// With its subscription it leaves.
    private func prepareToLeave(_ limit: Duration) {
        nonisolated(unsafe) let client = handle.pointer
        let (handle, isStatic) = (handle, isStatic)
        let metadata = Late<GroupMetadata>()
        let isAnswered = DedicatedThread.run(name: "kafka-leave", limit: limit) {
            let found = try? Self.groupMetadata(of: client)
            metadata.value.withLock { $0 = found }
            // An error means that there is nothing to leave.
            if !isStatic, Self.isMemberWithoutPartitions(client) { rd_kafka_unsubscribe(client) }
            withExtendedLifetime(handle) {}
        }
        lastMetadata = metadata.value.withLock { $0 }
        if !isAnswered { handle.abandon() }
    }

    private static func isMemberWithoutPartitions(_ client: OpaquePointer) -> Bool {
        guard let id = rd_kafka_memberid(client) else { return false }
        defer { rd_kafka_mem_free(client, id) }
        var assigned: PartitionList.Pointer?
        guard id.pointee != 0, rd_kafka_assignment(client, &assigned) == RD_KAFKA_RESP_ERR_NO_ERROR, let assigned else { return false }
        return PartitionList(owning: assigned).partitions.isEmpty
    }

    private func leaveGroup(_ deadline: Deadline) -> Bool {
        guard !handle.isAbandoned else { return false }
        let closing = rd_kafka_queue_new(handle.pointer)!
        defer { rd_kafka_queue_destroy(closing) }
        if let error = rd_kafka_consumer_close_queue(handle.pointer, closing) {
            pendingErrors.append(KafkaError(taking: error))
            return false
        }
        while !handle.isAbandoned, rd_kafka_consumer_closed(handle.pointer) == 0 {
            guard !deadline.hasPassed else { return false }
            guard let event = rd_kafka_queue_poll(closing, min(deadline.remaining, .milliseconds(20)).rdMilliseconds) else { continue }
            defer { rd_kafka_event_destroy(event) }
            if rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE, let list = rd_kafka_event_topic_partition_list(event) {
                rebalance(rd_kafka_event_error(event), list)
            }
        }
        return !handle.isAbandoned
    }
}

func rebalanceCallback(
    client: OpaquePointer?, code: rd_kafka_resp_err_t, list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?,
    opaque: UnsafeMutableRawPointer?
) {
    guard let client, let list else { return }
    if let consumer = ClientContext.of(opaque)?.consumer {
        consumer.rebalance(code, list)
    } else {
        rd_kafka_assign(client, nil)
    }
}

/// Where a partition is read from.
public enum StartOffset: Sendable, Hashable {
    case beginning
    case end
    /// The group's committed offset, or what `auto.offset.reset` says where there is none.
    case committed
    case at(Int64)
    /// The last `count` records; fewer where there are fewer. 0 is the end.
    case last(Int64)

    var rawValue: Int64 {
        switch self {
        case .beginning: Int64(RD_KAFKA_OFFSET_BEGINNING)
        case .end: Int64(RD_KAFKA_OFFSET_END)
        case .committed: Int64(RD_KAFKA_OFFSET_STORED)
        case .at(let offset): max(0, offset)
        case .last(let count): count <= 0 ? Int64(RD_KAFKA_OFFSET_END) : Int64(RD_KAFKA_OFFSET_TAIL_BASE) - min(count, 1 << 40)
        }
    }
}
