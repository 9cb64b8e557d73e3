import Envelopes
import Kafka
import MeshRuntime
import Terminal

/// The checker from outside: it knows only what stands in the two topics.
struct Verify {
    private let client: ClientSettings
    private let input: String
    private let output: String
    private let mode: DeliveryMode
    private let isolation: GroupSettings.Isolation
    /// How many requests there must be; nil: any number but none.
    private let count: Int?

    init(_ invocation: Invocation) throws {
        client = try invocation.client()
        let ends = try invocation.ends()
        (input, output) = (ends.input.name, ends.output.name)
        mode = DeliveryMode(rawValue: invocation["mode"] ?? "") ?? .exactlyOnce
        isolation = GroupSettings.Isolation(rawValue: invocation["isolation"] ?? "") ?? .readCommitted
        count = try invocation.integer("count", in: 1...1_000_000_000)
    }

    func run() throws -> Int32 {
        var comparison = Comparison(mode: mode)
        var unreadable = try read(input) { envelope, record in
            comparison.request(id: envelope.id.text, key: record.key, content: try PassedContent(of: envelope))
        }
        unreadable += try read(output) { envelope, record in
            comparison.result(
                id: envelope.id.text, cause: envelope.causationID, key: record.key, content: try PassedContent(of: envelope),
                mayBeLate: record.headers.contains { $0.name == RecordHeader.reordered })
        }
        let counts = comparison.counts + [("unreadable", unreadable)]
        for (name, count) in counts { Terminal.write("\(name) \(count)\n", to: 1) }
        let problem = problem(requests: comparison.requestCount)
        if let problem { Terminal.write("meshload: \(problem)\n", to: 2) }
        let isRight = comparison.isRight && unreadable == 0 && problem == nil
        sayResult(counts.map { ($0.0, $0.1) } + [("ok", isRight)])
        return isRight ? 0 : 1
    }

    /// Of nothing everything is right.
    private func problem(requests: Int) -> String? {
        if let count, requests != count { return "\(input) has \(requests) requests instead of \(count)" }
        return requests == 0 ? "\(input) has no requests: nothing was compared" : nil
    }

    /// Gives what can be read to `body`; how many records cannot.
    private func read(_ topic: String, _ body: (Envelope, Record) throws -> Void) throws -> Int {
        let codec = EnvelopeCodec()
        var unreadable = 0
        try TopicReader.read(topic, client, isolation: isolation) { record in
            do {
                let envelope = try codec.decode(
                    value: record.value, headers: record.headers.map { EnvelopeHeader($0.name, $0.value) }, topic: topic,
                    partition: record.partition, offset: record.offset,
                    timestamp: record.timestamp.kind == .none ? nil : Timestamp(milliseconds: record.timestamp.milliseconds))
                try body(envelope, record)
            } catch {
                if unreadable < Self.told { Terminal.write("meshload: \(record.topicPartition)@\(record.offset): \(error)\n", to: 2) }
                unreadable += 1
            }
        }
        return unreadable
    }

    /// So many of the records that cannot be read are named, of each topic.
    private static let told = 3
}

/// Requests beside their results.
struct Comparison {
    private struct Request {
        let key: [UInt8]?
        /// Its place among the requests of its key.
        let place: Int
        /// The hash of its content: half a million requests are to take little memory.
        let content: Int
        var resultID: String?
    }

    private let mode: DeliveryMode
    private var requests: [String: Request] = [:]
    private var places: [[UInt8]?: Int] = [:]
    /// Of each key, the place of the request that was answered last.
    private var answered: [[UInt8]?: Int] = [:]
    private var results = 0
    private var unanswered = 0
    /// Further results of a request that has one.
    private var duplicates = 0
    /// Of these, those with an id of their own: two events instead of one event twice.
    private var differing = 0
    /// Results that no request led to.
    private var invented = 0
    /// First results that came behind one of a later request of their key and do not say so, or with another key.
    private var misplaced = 0
    /// Results that say other than their request.
    private var altered = 0

    init(mode: DeliveryMode) { self.mode = mode }

    /// A request that is repeated with the same id is one request.
    mutating func request(id: String, key: [UInt8]?, content: PassedContent) {
        guard requests[id] == nil else { return }
        let place = places[key, default: 0]
        places[key] = place + 1
        requests[id] = Request(key: key, place: place, content: content.hashValue)
        unanswered += 1
    }

    /// - Parameter mayBeLate: it says so in its header.
    mutating func result(id: String, cause: String?, key: [UInt8]?, content: PassedContent, mayBeLate: Bool = false) {
        results += 1
        guard let cause, let request = requests[cause] else {
            invented += 1
            return
        }
        if request.content != content.hashValue { altered += 1 }
        if let first = request.resultID {
            duplicates += 1
            if first != id { differing += 1 }
            return
        }
        requests[cause]?.resultID = id
        unanswered -= 1
        if request.key != key || !mayBeLate && request.place < answered[key, default: -1] { misplaced += 1 }
        answered[key] = max(request.place, answered[key, default: -1])
    }

    var requestCount: Int { requests.count }

    var counts: [(String, Int)] {
        [
            ("requests", requestCount), ("results", results), ("lost", unanswered), ("duplicates", duplicates),
            ("differing_ids", differing), ("invented", invented), ("misplaced", misplaced), ("altered", altered),
        ]
    }

    var isRight: Bool {
        unanswered == 0 && invented == 0 && misplaced == 0 && altered == 0 && differing == 0 && (mode == .atLeastOnce || duplicates == 0)
    }
}
