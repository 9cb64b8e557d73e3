import CRdKafka

/// What librdkafka or a broker refused, in one of four classes: retriable, needing an abort of the transaction, fatal to the client, or plain.
public struct KafkaError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Kafka's error code; negative ones are librdkafka's own.
    public let code: Int32
    /// The code's name, e.g. `ILLEGAL_GENERATION` or `_TIMED_OUT`.
    public let name: String
    /// What happened, for people. Never a secret.
    public let message: String
    /// The same call may succeed when it is repeated.
    public let isRetriable: Bool
    /// The open transaction can only be aborted; the producer stays usable.
    public let requiresAbort: Bool
    /// The client cannot go on: close it and make a new one.
    public let isFatal: Bool

    public init(code: Int32, name: String, message: String, isRetriable: Bool = false, requiresAbort: Bool = false, isFatal: Bool = false) {
        self.code = code
        self.name = name
        self.message = message
        self.isRetriable = isRetriable
        self.requiresAbort = requiresAbort
        self.isFatal = isFatal
    }

    public var description: String { "\(message) (\(name))" }

    /// The producer's queue has no room: collect deliveries and send the record again.
    public var isQueueFull: Bool { code == RD_KAFKA_RESP_ERR__QUEUE_FULL.rawValue }
    public var isTimeout: Bool {
        code == RD_KAFKA_RESP_ERR__TIMED_OUT.rawValue || code == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE.rawValue
            || code == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT.rawValue || code == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT.rawValue
    }
    /// The topic, or that partition of it, does not exist.
    public var isUnknownTopicOrPartition: Bool {
        code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART.rawValue || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC.rawValue
            || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION.rawValue
    }
    public var isTopicAlreadyExists: Bool { code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS.rawValue }
    /// The record is larger than the broker, or this client's `message.max.bytes`, takes.
    public var isRecordTooLarge: Bool { code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE.rawValue }
    /// The topic cannot be written at all, whatever the record: it is missing, or the client may not.
    public var isTopicRefused: Bool { isUnknownTopicOrPartition || code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED.rawValue }
    /// The broker will never take this record, or none of its topic: trying it again changes nothing.
    public var isRecordRefused: Bool {
        isRecordTooLarge || isTopicRefused || code == RD_KAFKA_RESP_ERR_INVALID_RECORD.rawValue
            || code == RD_KAFKA_RESP_ERR_INVALID_MSG.rawValue || code == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE.rawValue
            || code == RD_KAFKA_RESP_ERR_POLICY_VIOLATION.rawValue
    }
    /// Another producer with this transactional id, or another member with this group.instance.id, has taken over.
    public var isFenced: Bool {
        code == RD_KAFKA_RESP_ERR__FENCED.rawValue || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED.rawValue
            || code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH.rawValue || code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID.rawValue
    }
    /// The group has moved on: the commit was refused and the partitions may belong to another member.
    public var isStaleMember: Bool {
        code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION.rawValue || code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID.rawValue
            || code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS.rawValue || code == RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST.rawValue
    }
    /// Every broker connection is down; librdkafka goes on trying.
    public var isBrokersDown: Bool {
        code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN.rawValue || code == RD_KAFKA_RESP_ERR__TRANSPORT.rawValue
    }
}

extension KafkaError {
    /// Codes after which the same request may succeed.
    private static let retriable: Set<Int32> = Set(
        [
            RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__QUEUE_FULL,
            RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__WAIT_COORD, RD_KAFKA_RESP_ERR__RETRY,
            RD_KAFKA_RESP_ERR__MSG_TIMED_OUT,
            RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
            RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
            RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
            RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
            RD_KAFKA_RESP_ERR_NOT_CONTROLLER, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
            RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE,
        ].map(\.rawValue))

    init(_ code: rd_kafka_resp_err_t, _ message: String? = nil) {
        self.init(
            code: code.rawValue, name: String(cString: rd_kafka_err2name(code)),
            message: message ?? String(cString: rd_kafka_err2str(code)),
            isRetriable: Self.retriable.contains(code.rawValue),
            isFatal: code == RD_KAFKA_RESP_ERR__FATAL || code == RD_KAFKA_RESP_ERR__FENCED)
    }

    /// Reads an error object of librdkafka and frees it.
    init(taking error: OpaquePointer) {
        defer { rd_kafka_error_destroy(error) }
        self.init(copying: error)
    }

    init(copying error: OpaquePointer) {
        let code = rd_kafka_error_code(error)
        // librdkafka 2.0.2 says that a transaction must be aborted when PRODUCER_FENCED answers its offsets, and finds the producer dead in the abort.
        let isFenced = code == RD_KAFKA_RESP_ERR__FENCED
        self.init(
            code: code.rawValue, name: String(cString: rd_kafka_err2name(code)), message: String(cString: rd_kafka_error_string(error)),
            isRetriable: rd_kafka_error_is_retriable(error) != 0,
            requiresAbort: rd_kafka_error_txn_requires_abort(error) != 0 && !isFenced,
            isFatal: rd_kafka_error_is_fatal(error) != 0 || isFenced)
    }

    /// The same error with the place where it happened in front.
    func at(_ place: String) -> KafkaError {
        KafkaError(
            code: code, name: name, message: "\(place): \(message)", isRetriable: isRetriable, requiresAbort: requiresAbort,
            isFatal: isFatal)
    }

    /// There was no answer in time. The same call may succeed when it is repeated.
    public static func timedOut(_ what: String, after duration: Duration) -> KafkaError {
        KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT, "\(what): no answer within \(duration)")
    }

    /// Nothing was sent, because the member joins its group, or is about to. The same call succeeds when it is repeated after the join.
    static let joining = KafkaError(
        code: RD_KAFKA_RESP_ERR__IN_PROGRESS.rawValue, name: "_IN_PROGRESS", message: "the member joins its group; nothing was sent",
        isRetriable: true)

    /// Whether that is what happened.
    public var isJoining: Bool { code == Self.joining.code }

    static func closed(_ what: String) -> KafkaError { KafkaError(RD_KAFKA_RESP_ERR__DESTROY, "\(what) is closed") }
}

/// Throws what librdkafka returned, unless that was nil; frees it.
func check(_ error: OpaquePointer?) throws(KafkaError) {
    if let error { throw KafkaError(taking: error) }
}

func check(_ code: rd_kafka_resp_err_t, _ place: @autoclosure () -> String? = nil) throws(KafkaError) {
    guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return }
    let error = KafkaError(code)
    throw place().map(error.at) ?? error
}
