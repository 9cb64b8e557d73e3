import CRdKafka
import Synchronization

/// Looks at and changes topics, groups, access lists and offsets. Any thread may call it; every call blocks, up to its `timeout` and a little.
///
/// Offers what librdkafka 2.0.2 has. A broker that lacks a call answers `_UNSUPPORTED_FEATURE`, or not at all: a call that librdkafka itself leaves
/// without an answer has locked that client up (2.0.2 does so when a broker lacks the group calls), so it is left behind and replaced.
public final class AdminClient: Sendable {
    let settings: ClientSettings
    let observer: ClientObserver
    private let current: Mutex<ClientHandle>

    /// A time limit that suits most calls.
    public static let standardTimeout: Duration = .seconds(15)

    public init(_ settings: ClientSettings, observer: ClientObserver = ClientObserver()) throws(SettingsError) {
        self.settings = settings
        self.observer = observer
        current = Mutex(try Self.makeHandle(settings, observer))
    }

    private static func makeHandle(_ settings: ClientSettings, _ observer: ClientObserver) throws(SettingsError) -> ClientHandle {
        try ClientHandle(
            RD_KAFKA_PRODUCER, settings.withoutConsumerProperties, defaults: ["allow.auto.create.topics": "false"], overrides: [:],
            context: ClientContext(observer: observer))
    }

    /// Keep it for the length of a call: another call may replace the client.
    var handle: ClientHandle { current.withLock { $0 } }

    /// Frees the client; nothing may be called afterwards. False when librdkafka did not end within `timeout` and was left behind.
    @discardableResult
    public func close(timeout: Duration = .seconds(5)) -> Bool { handle.destroy(limit: timeout) }

    private func replace(_ wedged: ClientHandle, _ name: String) throws(KafkaError) {
        let replacement: ClientHandle
        do throws(SettingsError) {
            replacement = try Self.makeHandle(settings, observer)
        } catch {
            throw KafkaError(RD_KAFKA_RESP_ERR__FAIL, "\(name): \(error)")
        }
        wedged.abandon()
        current.withLock { if $0 === wedged { $0 = replacement } }
    }

    /// Makes one call of the admin API and waits for its answer, never longer than `timeout` and two seconds.
    ///
    /// `submit` hands the request to librdkafka; `read` takes the answer apart before it is freed.
    func perform<Answer>(
        _ operation: rd_kafka_admin_op_t, _ name: String, timeout: Duration, validateOnly: Bool = false,
        submit: (_ client: OpaquePointer, _ options: OpaquePointer, _ queue: OpaquePointer) -> Void,
        read: (_ event: OpaquePointer) throws(KafkaError) -> Answer
    ) throws(KafkaError) -> Answer {
        let handle = handle
        let deadline = Deadline(after: timeout)
        // A request that librdkafka 2.0.2 gives up while it waits for the controller can abort the process later: begin none before there is one.
        guard rd_kafka_controllerid(handle.pointer, max(1, timeout.rdMilliseconds)) >= 0 else {
            throw KafkaError(
                RD_KAFKA_RESP_ERR__TIMED_OUT, "\(name): no broker answered within \(timeout), or the cluster has no controller")
        }
        let options = rd_kafka_AdminOptions_new(handle.pointer, operation)!
        defer { rd_kafka_AdminOptions_destroy(options) }
        var buffer = [CChar](repeating: 0, count: 256)
        let limit = Self.requestLimit(of: timeout, remaining: deadline.remaining).rdMilliseconds
        try check(rd_kafka_AdminOptions_set_request_timeout(options, limit, &buffer, buffer.count), name)
        if validateOnly { try check(rd_kafka_AdminOptions_set_validate_only(options, 1, &buffer, buffer.count), name) }
        if [
            RD_KAFKA_ADMIN_OP_CREATETOPICS, RD_KAFKA_ADMIN_OP_DELETETOPICS, RD_KAFKA_ADMIN_OP_CREATEPARTITIONS,
            RD_KAFKA_ADMIN_OP_DELETERECORDS,
        ]
        .contains(operation) {
            // The broker answers when the change has taken effect.
            try check(rd_kafka_AdminOptions_set_operation_timeout(options, limit, &buffer, buffer.count), name)
        }
        let queue = rd_kafka_queue_new(handle.pointer)!
        defer { rd_kafka_queue_destroy(queue) }
        submit(handle.pointer, options, queue)
        // librdkafka keeps its own limit; when a little more brings no answer, none will come.
        guard let event = rd_kafka_queue_poll(queue, limit &+ 1000) else {
            try replace(handle, name)
            throw .timedOut(name, after: timeout)
        }
        defer { rd_kafka_event_destroy(event) }
        let code = rd_kafka_event_error(event)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw KafkaError(code, rd_kafka_event_error_string(event).map(String.init(cString:))).at(name)
        }
        return try read(event)
    }

    /// What a call's request gets of its time when the broker was found: the rest of it, but a second at least, since one that is given up on its way may be
    /// carried out all the same.
    static func requestLimit(of timeout: Duration, remaining: Duration) -> Duration {
        max(remaining, min(timeout, .seconds(1)), .milliseconds(1))
    }

    // MARK: Look-ups of one partition

    /// The ends of a partition's log.
    public func watermarks(of partition: TopicPartition, timeout: Duration = standardTimeout) throws(KafkaError) -> Watermarks {
        let handle = handle
        return try queryWatermarks(handle.pointer, partition, timeout)
    }

    /// For each partition the offset of its first record that is not older than its time; nil when there is none.
    public func offsets(
        forTime milliseconds: [TopicPartition: Int64], timeout: Duration = standardTimeout
    ) throws(KafkaError) -> [TopicPartition: Int64?] {
        let handle = handle
        return try queryOffsets(handle.pointer, forTime: milliseconds, timeout)
    }
}

/// What became of one of the things that a call named: a topic, a group, a resource.
public struct AdminOutcome: Sendable, Equatable {
    public let name: String
    /// nil: done.
    public let error: KafkaError?

    init(name: String, code: rd_kafka_resp_err_t, message: UnsafePointer<CChar>?) {
        self.name = name
        error = code == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaError(code, message.map(String.init(cString:))).at(name)
    }

    public init(name: String, error: KafkaError? = nil) {
        self.name = name
        self.error = error
    }
}

extension Collection where Element == AdminOutcome {
    /// Throws the first failure, unless `isFine` says that it is none.
    public func check(except isFine: (KafkaError) -> Bool = { _ in false }) throws(KafkaError) {
        for outcome in self { if let error = outcome.error, !isFine(error) { throw error } }
    }
}

/// C pointers that one call needs and that are freed together afterwards.
struct HandleArray: ~Copyable {
    var pointers: [OpaquePointer?] = []
    let free: (OpaquePointer) -> Void

    init(free: @escaping (OpaquePointer) -> Void) { self.free = free }

    mutating func append(_ pointer: OpaquePointer) { pointers.append(pointer) }

    deinit { for case let pointer? in pointers { free(pointer) } }
}

/// The elements of an array that librdkafka returned; its null pointers are left out.
func elements(_ start: UnsafeMutablePointer<OpaquePointer?>?, _ count: Int) -> [OpaquePointer] {
    UnsafeMutableBufferPointer(start: start, count: start == nil ? 0 : count).compactMap { $0 }
}

func optionalText(_ pointer: UnsafePointer<CChar>?) -> String? { pointer.map { String(cString: $0) } }
