import Envelopes
import Kafka
import MeshRuntime

/// What stands in the topics at the end, request by request. It knows nothing else of the run.
struct ChaosLedger {
    /// A place in a log.
    struct Place: Sendable {
        let partition: TopicPartition
        let offset: Int64
    }
    struct Request {
        let key: [UInt8]?
        /// Its place among the requests of its key.
        let turn: Int
        var results = 0
        var resultID: String?
        var dead = 0
        /// Whether a record of the retry topic stands for it, and whether one still waits.
        var wasRetried = false
        var isPending = false
        /// The first result, the first dead letter, the first retry: what allows a commit to pass the request.
        var outcomes: [Place] = []
    }

    private(set) var requests: [String: Request] = [:]
    /// Every record of the input topic with the id of its request, by partition, in the order of offsets.
    private(set) var inputs: [TopicPartition: [(offset: Int64, id: String)]] = [:]
    /// Results that no request led to.
    private(set) var invented = 0
    /// Further results with an id of their own: two events instead of one event twice.
    private(set) var differing = 0
    /// First results that came behind one of a later request of their key, or with another key.
    private(set) var misplaced: [String] = []
    /// Those of them whose request was retried although they do not say so: at-least-once a crash explains them.
    private(set) var unmarked: [String] = []
    /// Results that were not given at the first attempt.
    private(set) var triedAgain = 0
    private var turns: [[UInt8]?: Int] = [:]
    private var answered: [[UInt8]?: Int] = [:]

    private let codec = EnvelopeCodec()

    init() {}

    /// Reads all topics of the run. `committed` is what the group has committed in the end.
    init(_ client: ClientSettings, _ topics: ChaosTopics, committed: [TopicPartition: CommittedOffset]) throws {
        func read(_ topic: String, _ body: (Record) throws -> Void) throws {
            try TopicReader.read(topic, client, isolation: .readCommitted, body)
        }
        try read(topics.input) { try take(request: $0) }
        try read(topics.retry) { take(retry: $0, committed[$0.topicPartition]) }
        try read(topics.output) { try take(result: $0) }
        try read(ChaosTopics.deadLetters) { record in
            if Self.text("kafka_dlt-original-topic", record) == topics.input { take(dead: record) }
        }
    }

    private func envelope(_ record: Record) throws -> Envelope {
        try codec.decode(
            value: record.value, headers: record.headers.map { EnvelopeHeader($0.name, $0.value) }, topic: record.topic,
            partition: record.partition, offset: record.offset, timestamp: Timestamp(milliseconds: record.timestamp.milliseconds))
    }

    private static func text(_ header: String, _ record: Record) -> String? {
        record.headers.first { $0.name == header }?.value.map { String(decoding: $0, as: UTF8.self) }
    }

    private static func place(_ record: Record) -> Place { Place(partition: record.topicPartition, offset: record.offset) }

    /// Takes a record of the topic of requests; all of them come before the others, each partition in its order.
    mutating func take(request record: Record) throws {
        let id = try envelope(record).id.text
        inputs[record.topicPartition, default: []].append((record.offset, id))
        guard requests[id] == nil else { return }
        let turn = turns[record.key, default: 0]
        turns[record.key] = turn + 1
        requests[id] = Request(key: record.key, turn: turn)
    }

    /// Takes a record of the retry topic; all of them come before the results, of which those may be out of order that say so.
    mutating func take(retry record: Record, _ committed: CommittedOffset?) {
        guard let id = Self.text("ce_id", record), requests[id] != nil else {
            invented += 1
            return
        }
        if requests[id]?.wasRetried == false { requests[id]?.outcomes.append(Self.place(record)) }
        requests[id]?.wasRetried = true
        if !Self.isFinished(record.offset, committed) { requests[id]?.isPending = true }
    }

    /// Whether a commit says that this offset is done with: below it, or in the ranges that its metadata names.
    static func isFinished(_ offset: Int64, _ committed: CommittedOffset?) -> Bool {
        guard let committed else { return false }
        return offset < committed.offset
            || CommitMetadata.finished(committed: committed.offset, in: committed.metadata).contains { $0.contains(offset) }
    }

    /// Takes a record of the topic of results.
    mutating func take(result record: Record) throws {
        let envelope = try envelope(record)
        let (id, cause) = (envelope.id.text, envelope.causationID)
        guard let cause, let request = requests[cause] else {
            invented += 1
            return
        }
        requests[cause]?.results += 1
        if String(decoding: envelope.payload, as: UTF8.self).contains("\"\(ChaosBot.attempt)\":") { triedAgain += 1 }
        if let first = request.resultID {
            if first != id { differing += 1 }
            return
        }
        requests[cause]?.resultID = id
        requests[cause]?.outcomes.append(Self.place(record))
        guard Self.text("mesh_reordered", record) == nil else {
            if !request.wasRetried { misplaced.append(cause) }
            return
        }
        if request.key != record.key || request.turn < answered[record.key, default: -1] {
            if request.wasRetried { unmarked.append(cause) } else { misplaced.append(cause) }
        }
        answered[record.key] = max(request.turn, answered[record.key, default: -1])
    }

    /// Takes a dead letter of the run.
    mutating func take(dead record: Record) {
        guard let id = Self.text("ce_id", record), requests[id] != nil else {
            invented += 1
            return
        }
        if requests[id]?.dead == 0 { requests[id]?.outcomes.append(Self.place(record)) }
        requests[id]?.dead += 1
    }
}
