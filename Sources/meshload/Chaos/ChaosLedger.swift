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
    /// A record that is to be handled, and the request that it stands for.
    struct Entry: Sendable {
        let offset: Int64
        let id: String
        /// Not to be handled before, in milliseconds since 1970.
        var due: Int64 = 0
    }
    struct Request {
        let partition: Int32
        let key: [UInt8]?
        /// Its place among the requests of its key.
        let turn: Int
        let content: PassedContent
        /// How often the producer has written it.
        var copies = 1
        var results = 0
        var resultID: String?
        var dead = 0
        /// The record's value where the request is poison: its dead letter must have it too.
        var poison: [UInt8]?
        /// By the number of attempts that a retry names, the times when it is due, and how often each stands there. A copy of a retry that waits has the
        /// time of the first.
        var dues: [Int: [Int64: Int]] = [:]
        /// How often the bots have handed it to themselves.
        var forwards = 0
        /// Whether a record of the retry topic stands for it, and whether one still waits.
        var wasRetried = false
        var isPending = false
        /// The first result, the first dead letter, each retry: what allows a commit to pass the request, and the retries before.
        var outcomes: [Place] = []

        /// How many retries there are for each attempt; where bots may have carried them on, those that are due at the same time count as one.
        func retries(mayCarryOn: Bool) -> [Int] { dues.values.map { mayCarryOn ? $0.count : $0.values.reduce(0, +) } }
    }

    private(set) var requests: [String: Request] = [:]
    /// Every record of the topics of requests and retries, in the order of offsets.
    private(set) var entries: [TopicPartition: [Entry]] = [:]
    /// Results that no request led to.
    private(set) var invented = 0
    /// Further results with an id of their own: two events instead of one event twice.
    private(set) var differing = 0
    /// Repeated results that lie so far behind the one before that a bot downstream does not remember it.
    private(set) var forgotten: [String] = []
    /// Such results of requests that were tried again, or waited behind one of their key that was: no bound is promised there.
    private(set) var overlooked: Set<String> = []
    /// Of each key the last request that was tried again in its place and whose result was repeated, and how many records its partition had then.
    private var heldUp: [[UInt8]?: (turn: Int, count: Int)] = [:]
    /// Which results each partition has, each where it stands last, and how many records.
    private var standing: [TopicPartition: (last: [String: Int], count: Int)] = [:]
    /// Results whose id is not the one that is derived of their request's, as docs/wire-format.md has it.
    private(set) var misnamed: [String] = []
    /// Results that say other than their request, or whose header `ce_id` is not their id.
    private(set) var altered: [String] = []
    /// Results that say how many of their key there were so far: all of them, and those that have not counted right.
    private(set) var counted = 0
    private(set) var miscounted: [String] = []
    /// Dead letters that do not say what their request said, or where it stands.
    private(set) var alteredDead: [String] = []
    /// Results with another key than their request, or in another partition: both topics have as many.
    private(set) var elsewhere: [String] = []
    /// First results that came behind one of a later request of their key.
    private(set) var misplaced: [String] = []
    /// Those of them whose request was retried although they do not say so: at-least-once a crash explains them.
    private(set) var unmarked: [String] = []
    /// First results that say that they may be late although their request was not retried: at-least-once one that was written again says so.
    private(set) var markedAlone: [String] = []
    /// How often the bot downstream has answered each result; nil where there is none.
    private(set) var answers: [String: Int]?
    /// Results that were not given at the first attempt; and requests whose result was given at another attempt than the first that does not fail by plan.
    private(set) var triedAgain = 0
    private(set) var untimely: [String] = []
    private let habits: ChaosBot.Habits
    private var turns: [[UInt8]?: Int] = [:]
    private var answered: [[UInt8]?: Int] = [:]

    /// The requests that stand in these partitions, as `TopicPartition` describes them, or have stood in them as retries.
    func requests(in partitions: Set<String>) -> Set<String> {
        Set(entries.lazy.filter { partitions.contains($0.key.description) }.flatMap { $0.value }.map(\.id))
    }

    /// Requests that went through the retry topic although none of their attempts fails by plan.
    var needlesslyRetried: [String] {
        requests.filter { $0.value.wasRetried && habits.failures($0.value.content.sequence) == 0 }.map(\.key).sorted()
    }

    /// How many identities of a partition a bot downstream remembers.
    static let remembered = Limits().dedupWindow
    private let codec = EnvelopeCodec()

    /// Who answers, and with what type: results have ids that are derived of these.
    private let bot: String
    private let type: EventType
    /// Whether mesh.dlq refuses records for their size.
    private let mayBeOversized: Bool

    /// With nothing in it. `habits` are those of the bots that answer.
    init(of topics: ChaosTopics, _ habits: ChaosBot.Habits = ChaosBot.Habits()) {
        (bot, type, mayBeOversized) = (topics.group, EventType(topics.output), topics.refusesDeadLetters)
        self.habits = habits
    }

    /// Reads all topics of the run. `downstream` are those of a bot that reads the results; `committed` is what the group has committed in the end.
    init(
        _ client: ClientSettings, _ topics: ChaosTopics, _ habits: ChaosBot.Habits, downstream: ChaosTopics?,
        committed: [TopicPartition: CommittedOffset]
    ) throws {
        self.init(of: topics, habits)
        func read(_ topic: String, _ body: (Record) throws -> Void) throws {
            try TopicReader.read(topic, client, isolation: .readCommitted, body)
        }
        try read(topics.input) { try take(request: $0) }
        if let inbox = topics.inbox { try read(inbox) { take(forward: $0) } }
        try read(topics.retry) { take(retry: $0, committed[$0.topicPartition]) }
        try read(topics.output) { try take(result: $0) }
        try read(ChaosTopics.deadLetters) { record in
            let origin = Self.text(RecordHeader.originTopic, record) ?? ""
            if origin == topics.input { take(dead: record) } else if topics.own.contains(origin) { invented += 1 }
        }
        guard let downstream else { return }
        answers = [:]
        try read(downstream.output) { try take(answer: $0) }
    }

    private func envelope(_ record: Record) throws -> Envelope {
        try codec.decode(
            value: record.value, headers: record.headers.map { EnvelopeHeader($0.name, $0.value) }, topic: record.topic,
            partition: record.partition, offset: record.offset, timestamp: Timestamp(milliseconds: record.timestamp.milliseconds))
    }

    private static func text(_ header: String, _ record: Record) -> String? {
        record.headers.first { $0.name == header }?.value.map { String(decoding: $0, as: UTF8.self) }
    }

    private static func number(_ header: String, _ record: Record) -> Int64? { text(header, record).flatMap { Int64($0) } }

    /// Whether a payload has this field: whether its name, quoted, and a colon stand anywhere in the text. No request says that in a string.
    private static func says(_ field: String, _ envelope: Envelope) -> Bool {
        String(decoding: envelope.payload, as: UTF8.self).contains("\"\(field)\":")
    }

    private static func place(_ record: Record) -> Place { Place(partition: record.topicPartition, offset: record.offset) }

    /// Takes a record of the topic of requests; all of them come before the others, each partition in its order.
    mutating func take(request record: Record) throws {
        let envelope = try envelope(record)
        let id = envelope.id.text
        entries[record.topicPartition, default: []].append(Entry(offset: record.offset, id: id))
        guard requests[id] == nil else {
            requests[id]?.copies += 1
            return
        }
        let turn = turns[record.key, default: 0]
        turns[record.key] = turn + 1
        requests[id] = Request(partition: record.partition, key: record.key, turn: turn, content: try PassedContent(of: envelope))
        if Self.says(ChaosBot.poison, envelope) { requests[id]?.poison = record.value }
    }

    /// Takes a record of the retry topic; all of them come before the results, of which those may be out of order that say so.
    mutating func take(retry record: Record, _ committed: CommittedOffset?) {
        guard let id = Self.text("ce_id", record), requests[id] != nil else {
            invented += 1
            return
        }
        let (attempts, due) = (Self.number(RecordHeader.attempts, record) ?? 0, Self.number(RecordHeader.notBefore, record) ?? 0)
        entries[record.topicPartition, default: []].append(Entry(offset: record.offset, id: id, due: due))
        requests[id]?.outcomes.append(Self.place(record))
        requests[id]?.wasRetried = true
        requests[id]?.dues[Int(attempts), default: [:]][due, default: 0] += 1
        if !Self.isFinished(record.offset, committed) { requests[id]?.isPending = true }
    }

    /// Takes a record of the inbox: it is to be handled in its turn, and what it was made of is done.
    mutating func take(forward record: Record) {
        guard let id = Self.text("ce_id", record), requests[id] != nil else {
            invented += 1
            return
        }
        entries[record.topicPartition, default: []].append(Entry(offset: record.offset, id: id))
        requests[id]?.outcomes.append(Self.place(record))
        requests[id]?.forwards += 1
    }

    /// The place among a partition's entries of the first that lies at or above an offset.
    func firstEntry(of partition: TopicPartition, from offset: Int64) -> Int {
        let entries = entries[partition] ?? []
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].offset < offset { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Whether a commit says that this offset is done with: below it, or in the ranges that its metadata names.
    static func isFinished(_ offset: Int64, _ committed: CommittedOffset?) -> Bool {
        guard let committed else { return false }
        return offset < committed.offset
            || CommitMetadata.finished(committed: committed.offset, in: committed.metadata).contains { $0.contains(offset) }
    }

    private struct Total: Decodable { let total: Int64 }

    /// The id of a request's only result.
    private func expected(_ cause: String) -> EventID? {
        EventID(cause).map { .derived(causation: $0, bot: bot, type: type, ordinal: 0) }
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
        if envelope.id != expected(cause) { misnamed.append(cause) }
        if try PassedContent(of: envelope) != request.content || Self.text("ce_id", record) != id { altered.append(cause) }
        if request.key != record.key || request.partition != record.partition { elsewhere.append(cause) }
        try note(attemptOf: envelope, of: request, cause)
        if let first = request.resultID {
            if first != id { differing += 1 }
            let others = note(cause, in: record.topicPartition)
            let count = standing[record.topicPartition]?.count ?? 0
            // What goes through the retry topic holds nothing up.
            if !request.wasRetried, habits.failures(request.content.sequence) > 0 { heldUp[record.key] = (request.turn, count) }
            guard others >= Self.remembered else { return }
            // Its retry partition may have waited for an owner while others filled the partition of its results; or it was tried again in place, while they did.
            let isHeldUp = heldUp[record.key].map { $0.turn <= request.turn && count - $0.count < Self.remembered } ?? false
            if request.wasRetried || isHeldUp { overlooked.insert(first) } else { forgotten.append(cause) }
            return
        }
        if Self.says(TotalBot.total, envelope) {
            counted += 1
            let total = try JSONCoder.decode(Total.self, from: envelope.payload).total
            if total != Int64(request.turn) + 1 { miscounted.append("\(cause): \(total) for \(request.turn + 1)") }
        }
        requests[cause]?.resultID = id
        _ = note(cause, in: record.topicPartition)
        requests[cause]?.outcomes.append(Self.place(record))
        guard Self.text(RecordHeader.reordered, record) == nil else {
            if !request.wasRetried { markedAlone.append(cause) }
            return
        }
        if request.turn < answered[record.key, default: -1] {
            if request.wasRetried { unmarked.append(cause) } else { misplaced.append(cause) }
        }
        answered[record.key] = max(request.turn, answered[record.key, default: -1])
    }

    private struct Attempt: Decodable { let attempt: Int? }

    /// Notes at which attempt a result was given: at the first that does not fail by plan.
    private mutating func note(attemptOf result: Envelope, of request: Request, _ cause: String) throws {
        let attempt = Self.says(ChaosBot.attempt, result) ? try JSONCoder.decode(Attempt.self, from: result.payload).attempt ?? 1 : 1
        if attempt > 1 { triedAgain += 1 }
        let wanted = habits.failures(request.content.sequence) + 1
        if attempt != wanted { untimely.append("\(cause): attempt \(attempt) instead of \(wanted)") }
    }

    /// Notes where the result of that request stands last; how many others came after it stood there before.
    private mutating func note(_ cause: String, in partition: TopicPartition) -> Int {
        var (last, count) = standing.removeValue(forKey: partition) ?? ([:], 0)
        let others = last.updateValue(count, forKey: cause).map { before in last.values.count { $0 > before } - 1 }
        count += 1
        standing[partition] = (last, count)
        return others ?? 0
    }

    /// Whether a dead letter has its request's value; where mesh.dlq refuses records for their size, what stands for it in their place will do.
    private func hasValue(_ record: Record, _ value: [UInt8]?) -> Bool {
        guard let value, let dead = record.value else { return false }
        guard dead != value else { return true }
        let place = [RecordHeader.originTopic, RecordHeader.originPartition, RecordHeader.originOffset].map { Self.text($0, record) ?? "" }
        let digest = SHA256.hexadecimal(value)
        let origin = "\(place[0])[\(place[1])]@\(place[2])"
        return mayBeOversized
            && String(decoding: dead, as: UTF8.self)
                == "{\"mesh_oversized\":true,\"origin\":\"\(origin)\",\"size_bytes\":\(value.count),\"sha256\":\"\(digest)\"}"
    }

    /// Whether the record that a dead letter names is one of its request.
    private func hasOrigin(_ record: Record, _ id: String) -> Bool {
        guard let topic = Self.text(RecordHeader.originTopic, record),
            let number = Self.number(RecordHeader.originPartition, record).flatMap(Int32.init(exactly:)),
            let offset = Self.number(RecordHeader.originOffset, record)
        else { return false }
        let partition = TopicPartition(topic, number)
        let place = firstEntry(of: partition, from: offset)
        guard let entries = entries[partition], place < entries.count else { return false }
        return entries[place].offset == offset && entries[place].id == id
    }

    /// Takes a dead letter of the run.
    mutating func take(dead record: Record) {
        guard let id = Self.text("ce_id", record), requests[id] != nil else {
            invented += 1
            return
        }
        if !hasValue(record, requests[id]?.poison) || !hasOrigin(record, id) { alteredDead.append(id) }
        if requests[id]?.dead == 0 { requests[id]?.outcomes.append(Self.place(record)) }
        requests[id]?.dead += 1
    }

    /// Takes a record of what the bot downstream has written.
    mutating func take(answer record: Record) throws {
        let result = try envelope(record).causationID ?? ""
        answers = answers ?? [:]
        answers?[result, default: 0] += 1
    }
}
