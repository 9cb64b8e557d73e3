import BotKit
import Envelopes
import Kafka
import MeshRuntime
import Testing

@testable import meshload

/// The topics of a run, and what was seen of its offsets.
struct ChaosScene {
    static let topics = ChaosTopics(scenario: .kill, run: "x", deadLetterPartitions: 1)
    static let refusedTopics = ChaosTopics(scenario: .deadLetters, run: "x", deadLetterPartitions: 1)
    static let stateTopics = ChaosTopics(scenario: .state, run: "x", deadLetterPartitions: 1)

    /// A load of one request.
    var plan: ChaosPlan
    var ledger = ChaosLedger(of: Self.topics)
    /// What the bot that reads the results has made of them, and what it was seen to commit.
    var next = ChaosLedger(of: Self.topics.downstream)
    var nextSamples: [OffsetWatch.Sample] = []
    var nextLog = CommitLog()
    var sent: [LoadStream.Sent] = []
    var samples: [OffsetWatch.Sample] = []
    var log = CommitLog()
    /// The numbers of requests; of others it is 1.
    var sequences: [String: Int64] = [:]
    var hasRestarts = false
    var hastilyGivenUp: Set<String> = []
    var writtenAgain = 0
    var peaks: [Int: Double] = [:]
    var calm = [0..<Double.infinity]
    var ends: [TopicPartition: Int64] = [:]
    /// The last record of each request.
    private var written: [String: Record] = [:]
    let input = TopicPartition(Self.topics.input, 0)
    let output = TopicPartition(Self.topics.output, 0)
    let retries = TopicPartition(Self.topics.retry, 0)

    init(scenario: Scenario = .kill, mode: DeliveryMode = .exactlyOnce) { plan = Self.plan(scenario, mode) }

    private static func plan(_ scenario: Scenario, _ mode: DeliveryMode) -> ChaosPlan {
        ChaosPlanner.plan(scenario, mode, seed: 1, seconds: 2, rate: 1)
    }

    var mode: DeliveryMode {
        get { plan.mode }
        set { plan = Self.plan(plan.scenario, newValue) }
    }

    private mutating func record(
        _ topic: String, _ envelope: Envelope, key: String, partition: Int32 = 0, headers: Headers = []
    ) -> Record {
        let partition = TopicPartition(topic, partition)
        let offset = ends[partition, default: 0]
        ends[partition] = offset + 1
        let encoded = EnvelopeCodec().encode(envelope)
        return Record(
            topicPartition: partition, offset: offset, key: Array(key.utf8), value: encoded.value,
            headers: Headers(encoded.headers.map { Header($0.name, $0.value) }) + headers,
            timestamp: RecordTimestamp(kind: .created, milliseconds: 1))
    }

    private func envelope(
        _ id: String, type: String, cause: String? = nil, says text: String? = nil, attempt: Int? = nil, total: Int? = nil,
        isPoison: Bool = false
    ) throws -> Envelope {
        let more =
            (total.map { ",\"total\":\($0)" } ?? "") + (attempt.map { ",\"attempt\":\($0)" } ?? "") + (isPoison ? ",\"poison\":true" : "")
        return Envelope(
            id: try #require(EventID(id)), timestamp: Timestamp(milliseconds: 1), source: "test", type: EventType(type),
            payload: Array("{\"repository\":\"\(text ?? cause ?? id)\",\"sequence\":\(sequences[cause ?? id] ?? 1)\(more)}".utf8),
            causationID: cause)
    }

    mutating func request(_ id: String, key: String = "a", isPoison: Bool = false) throws {
        var request = LoadStream.Sent(id: id, isPoison: isPoison)
        request.isAcknowledged = true
        sent.append(request)
        let record = record(Self.topics.input, try envelope(id, type: Self.topics.input, isPoison: isPoison), key: key)
        written[id] = record
        try ledger.take(request: record)
    }

    /// The id that the result of a request must have.
    static func resultID(_ cause: String, of topics: ChaosTopics = Self.topics) throws -> String {
        let cause = try #require(EventID(cause))
        return EventID.derived(causation: cause, bot: topics.group, type: EventType(topics.output), ordinal: 0).text
    }

    mutating func result(
        of cause: String, id: String? = nil, key: String = "a", isReordered: Bool = false, says text: String? = nil, attempt: Int? = nil,
        total: Int? = nil, partition: Int32 = 0
    ) throws {
        let id = try id ?? Self.resultID(cause)
        let record = record(
            Self.topics.output, try envelope(id, type: Self.topics.output, cause: cause, says: text, attempt: attempt, total: total),
            key: key, partition: partition,
            headers: isReordered ? [Header(RecordHeader.reordered, text: "1")] : [])
        try ledger.take(result: record)
        try next.take(request: record)
    }

    mutating func answer(to request: String, id: String? = nil, says text: String? = nil) throws {
        let (topics, result) = (Self.topics.downstream, try Self.resultID(request))
        let id = try id ?? Self.resultID(result, of: topics)
        let envelope = try envelope(id, type: topics.output, cause: result, says: text ?? request)
        let record = record(topics.output, envelope, key: "a")
        try ledger.take(answer: record)
        try next.take(result: record)
    }

    /// A request's record in another topic, with headers of its own alone.
    private mutating func copy(of id: String, to topic: String, value: [UInt8]? = nil, headers: [Header] = []) throws -> Record {
        let place = TopicPartition(topic, 0)
        let request = try #require(written[id])
        defer { ends[place, default: 0] += 1 }
        return Record(
            topicPartition: place, offset: ends[place, default: 0], key: request.key, value: value ?? request.value,
            headers: Headers([Header("ce_id", text: id)] + headers))
    }

    mutating func dead(_ id: String, value: [UInt8]? = nil, offset: Int64? = nil, partition: Int32 = 0) throws {
        let origin = try offset ?? #require(written[id]).offset
        let headers = [
            Header(RecordHeader.originTopic, text: Self.topics.input), Header(RecordHeader.originPartition, text: "\(partition)"),
            Header(RecordHeader.originOffset, text: "\(origin)"),
        ]
        ledger.take(dead: try copy(of: id, to: ChaosTopics.deadLetters, value: value, headers: headers))
    }

    mutating func retry(_ id: String, _ committed: CommittedOffset? = nil, attempts: Int = 1, due: Int64 = 1) throws {
        ledger.take(
            retry: record(
                Self.topics.retry, try envelope(id, type: Self.topics.input), key: "a",
                headers: [
                    Header("ce_id", text: id), Header(RecordHeader.attempts, text: "\(attempts)"),
                    Header(RecordHeader.notBefore, text: "\(due)"),
                ]), committed)
    }

    /// A request that a bot hands itself by way of its inbox.
    mutating func forward(_ id: String) throws {
        ledger.take(forward: try copy(of: id, to: #require(Self.stateTopics.inbox)))
    }

    mutating func sample(at time: Double, committed offset: Int64, metadata: String = "") {
        sample(at: time, [input: CommittedOffset(offset: offset, metadata: metadata)])
    }

    mutating func sample(at time: Double, _ committed: [TopicPartition: CommittedOffset]) {
        samples.append(
            OffsetWatch.Sample(began: time, time: time, milliseconds: Int64(time * 1_000), committed: committed, ends: ends))
    }

    mutating func commit(_ offset: Int64?, metadata: String = "") {
        log.append(offset.map { CommittedOffset(offset: $0, metadata: metadata) }, of: input)
    }

    var verdict: ChaosVerdict {
        ChaosVerdict(
            ChaosVerdict.Evidence(
                plan: plan, sent: sent, group: ChaosVerdict.Reading(topics: Self.topics, ledger: ledger, samples: samples, log: log),
                downstream: mode == .atLeastOnce
                    ? ChaosVerdict.Reading(topics: Self.topics.downstream, ledger: next, samples: nextSamples, log: nextLog) : nil,
                calm: calm, stallLimit: 10, peaks: peaks, hasRestarts: hasRestarts, hastilyGivenUp: hastilyGivenUp,
                writtenAgain: writtenAgain,
                troubles: []))
    }

    /// That the checker finds a fault with these words.
    func expectFault(_ words: String, at location: SourceLocation = #_sourceLocation) {
        let faults = verdict.faults
        #expect(faults.contains { $0.contains(words) }, "\(faults)", sourceLocation: location)
    }
}
