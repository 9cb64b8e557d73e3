import CRdKafka
import Synchronization

/// An idempotent producer. Any thread may call it; what blocks says so, belongs on a thread of its own, and is over before another one calls `close`. Once it
/// is closed it says so.
public final class Producer: Sendable {
    let handle: ClientHandle
    private let topics: Mutex<TopicHandles>

    public init(
        _ settings: ClientSettings, _ producer: ProducerSettings = ProducerSettings(), observer: ClientObserver = ClientObserver()
    ) throws(SettingsError) {
        handle = try ClientHandle(
            RD_KAFKA_PRODUCER, settings.withoutConsumerProperties, defaults: producer.defaults,
            overrides: producer.overrides(beside: settings),
            context: ClientContext(observer: observer, keepsOnlyFailures: producer.keepsOnlyFailures))
        topics = Mutex(TopicHandles())
    }

    deinit { topics.withLock { $0.close() } }

    /// Queues a record; its fate comes through `deliveries` with the token.
    ///
    /// When the queue is full, waits up to `patience` for room, serving delivery reports meanwhile (they stay for `deliveries`), and throws
    /// `isQueueFull` after it: the record was not taken, send it again. `patience` of zero never blocks.
    public func send(_ record: some Producible, token: UInt64 = 0, patience: Duration = .zero) throws(KafkaError) {
        do {
            return try enqueue(record, token)
        } catch let error where error.isQueueFull && patience > .zero {
            let deadline = Deadline(after: patience)
            while !deadline.hasPassed {
                rd_kafka_poll(handle.pointer, min(deadline.remaining, .milliseconds(50)).rdMilliseconds)
                do {
                    return try enqueue(record, token)
                } catch let error where error.isQueueFull {
                    continue
                }
            }
            throw error
        }
    }

    private func enqueue(_ record: some Producible, _ token: UInt64) throws(KafkaError) {
        try withTopic(record.topic) { topic in
            var headers = HeaderList()
            record.addHeaders(to: &headers)
            let code = record.withKeyAndValue { key, value in
                withPlace(of: key) { key, keySize in
                    withPlace(of: value) { value, valueSize in
                        mesh_produce(
                            handle.pointer, topic, record.partition ?? RD_KAFKA_PARTITION_UA, key, keySize, value, valueSize,
                            record.timestampMilliseconds ?? 0, headers.pointer, UnsafeMutableRawPointer(bitPattern: UInt(token)))
                    }
                }
            }
            // librdkafka takes the headers over only when it takes the record.
            if code == RD_KAFKA_RESP_ERR_NO_ERROR { headers.handOver() }
            return code
        }
    }

    /// Holds the lock while the client is used, so that `close` cannot free it meanwhile; also to ask why it is that the client cannot go on.
    private func withTopic(_ name: String, _ body: (OpaquePointer) -> rd_kafka_resp_err_t) throws(KafkaError) {
        let client = handle.pointer
        let error: KafkaError? = topics.withLock { topics in
            guard !topics.isClosed else { return Self.closed }
            guard let topic = topics.handle(name, of: client) else { return KafkaError(rd_kafka_last_error()).at("topic \(name)") }
            let code = body(topic)
            guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
            let fatal = code == RD_KAFKA_RESP_ERR__FATAL ? Kafka.fatalError(of: client) : nil
            return (fatal ?? KafkaError(code)).at("produce to \(name)")
        }
        if let error { throw error }
    }

    private static var closed: KafkaError { .closed("the producer") }

    private var isClosed: Bool { topics.withLock(\.isClosed) }

    func checkOpen() throws(KafkaError) { if isClosed { throw Self.closed } }

    /// Waits up to `timeout` for delivery reports and returns all there are, in the order in which they came. Also serves statistics and errors. Blocks.
    public func deliveries(timeout: Duration = .zero) -> [Delivery] {
        let isWaiting = handle.context.deliveries.withLock { $0.deliveries.isEmpty }
        if !isClosed { rd_kafka_poll(handle.pointer, isWaiting ? timeout.rdMilliseconds : 0) }
        return handle.context.deliveries.withLock { $0.take() }
    }

    /// Waits until every queued record is delivered or has failed; the reports stay for `deliveries`. Throws `isTimeout` when some are left. Blocks.
    public func flush(timeout: Duration) throws(KafkaError) {
        try checkOpen()
        try check(rd_kafka_flush(handle.pointer, timeout.rdMilliseconds), "flush")
    }

    /// Sends records and waits until all are delivered. Throws the first failure. For tools and tests; takes the reports of others too. Blocks.
    public func sendAndWait(_ records: [OutgoingRecord], timeout: Duration = .seconds(30)) throws(KafkaError) -> [Delivery] {
        let deadline = Deadline(after: timeout)
        for (index, record) in records.enumerated() { try send(record, token: UInt64(index), patience: deadline.remaining) }
        try flush(timeout: deadline.remaining)
        let reports = deliveries()
        for report in reports { if let error = report.error { throw error.at("record for \(report.topicPartition)") } }
        return reports.sorted { $0.token < $1.token }
    }

    /// Records that are queued or on their way.
    public var queuedRecords: Int {
        let client = handle.pointer
        return topics.withLock { $0.isClosed ? 0 : Int(rd_kafka_outq_len(client)) }
    }

    /// Set once the producer cannot go on: close it and make a new one.
    public var fatalError: KafkaError? {
        let client = handle.pointer
        return topics.withLock { $0.isClosed ? Self.closed : Kafka.fatalError(of: client) }
    }

    /// Gives up what is still queued; the failures come through `deliveries`.
    public func purge() throws(KafkaError) {
        try checkOpen()
        try check(rd_kafka_purge(handle.pointer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT), "purge")
    }

    /// Flushes for up to `timeout`, then frees the producer. Returns whether everything was delivered and freed in time. Blocks.
    @discardableResult
    public func close(timeout: Duration = .seconds(5)) -> Bool {
        let isFirst = topics.withLock { topics in
            defer { topics.close() }
            return !topics.isClosed
        }
        guard isFirst else { return true }
        let deadline = Deadline(after: timeout)
        let isFlushed = rd_kafka_flush(handle.pointer, timeout.rdMilliseconds) == RD_KAFKA_RESP_ERR_NO_ERROR
        return handle.destroy(limit: max(deadline.remaining, .seconds(1))) && isFlushed
    }
}

/// Topic objects by name: naming a topic by text at each record is slower. One owner; freed before the client.
///
/// Sendable although it holds C pointers: librdkafka's topic objects may be used from any thread, and the producer's lock guards the rest.
private struct TopicHandles: @unchecked Sendable {
    private var handles: [String: OpaquePointer] = [:]
    /// Most records go to the topic of the one before.
    private var last: (name: String, handle: OpaquePointer)?
    private(set) var isClosed = false

    mutating func handle(_ name: String, of client: OpaquePointer) -> OpaquePointer? {
        if let last, last.name == name { return last.handle }
        guard let handle = handles[name] ?? rd_kafka_topic_new(client, name, nil) else { return nil }
        handles[name] = handle
        last = (name, handle)
        return handle
    }

    mutating func close() {
        isClosed = true
        for handle in handles.values { rd_kafka_topic_destroy(handle) }
        handles = [:]
        last = nil
    }
}

func deliveryCallback(client: OpaquePointer?, message: UnsafePointer<rd_kafka_message_t>?, opaque: UnsafeMutableRawPointer?) {
    guard let message, let context = ClientContext.of(opaque) else { return }
    let report = message.pointee
    context.deliveries.withLock { log in
        if log.keepsOnlyFailures && report.err == RD_KAFKA_RESP_ERR_NO_ERROR { return }
        log.deliveries.append(
            Delivery(
                token: UInt64(UInt(bitPattern: report._private)),
                topicPartition: TopicPartition(log.name(of: report.rkt), report.partition),
                offset: report.offset >= 0 ? report.offset : -1,
                error: report.err == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaError(report.err),
                mayBeThere: rd_kafka_message_status(message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED))
    }
}

/// A null place for nil, and never one for no bytes.
func withPlace<Result>(of bytes: UnsafeBufferPointer<UInt8>?, _ body: (UnsafeRawPointer?, Int) -> Result) -> Result {
    guard let bytes else { return body(nil, 0) }
    if let start = bytes.baseAddress, !bytes.isEmpty { return body(start, bytes.count) }
    return withUnsafePointer(to: UInt8(0)) { body($0, 0) }
}
