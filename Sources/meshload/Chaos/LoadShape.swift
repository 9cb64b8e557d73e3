import Envelopes
import Kafka

/// Makes the requests of a run, in the order in which they are sent: the same for the same plan but for their timestamps.
struct LoadShape {
    struct Request {
        /// Its place among all requests; a repeat has the number of the first.
        let number: Int
        let id: String
        let isPoison: Bool
        let record: OutgoingRecord
    }

    private let topic: String
    private let load: ChaosPlan.Load
    private var random: ChaosRandom
    private var count = 0
    /// One that lets its successor go first.
    private var held: Request?
    /// Candidates for a repeat.
    private var recent: [Request] = []
    private let codec = EnvelopeCodec()

    /// A repeat comes at most so many requests after the first: within what a partition's deduplication remembers.
    private static let remembered = 500

    init(_ plan: ChaosPlan, topic: String) {
        self.topic = topic
        load = plan.load
        random = ChaosRandom(seed: plan.seed, purpose: "load \(plan.scenario.rawValue)")
    }

    /// The next request, with what goes along; none when it lets the one after it go first.
    mutating func next() -> [Request] {
        let request = make()
        recent.append(request)
        if recent.count > Self.remembered { recent.removeFirst() }
        if held == nil, happens(load.reorderPerMille) {
            held = request
            return []
        }
        var result = [request]
        if let late = held { result.append(late) }
        held = nil
        if happens(load.repeatPerMille), let again = recent.randomElement(using: &random) { result.append(again) }
        return result
    }

    /// What was held back.
    mutating func rest() -> [Request] {
        defer { held = nil }
        return held.map { [$0] } ?? []
    }

    private mutating func happens(_ perMille: Int) -> Bool { perMille > 0 && Int.random(in: 0..<1_000, using: &random) < perMille }

    private mutating func make() -> Request {
        defer { count += 1 }
        let key = "https://git.example.org/chaos/\(Int.random(in: 0..<load.keys, using: &random)).git"
        let isPoison = happens(load.poisonPerMille)
        // Written by hand: nothing in it needs escaping.
        let payload = "{\"repository\":\"\(key)\",\"sequence\":\(count)\(isPoison ? ",\"\(ChaosBot.poison)\":true" : "")}"
        let envelope = Envelope(
            id: EventID(random: &random), timestamp: .now, source: "meshload", type: EventType(topic), payload: Array(payload.utf8))
        let encoded = codec.encode(envelope)
        let record = OutgoingRecord(
            topic: topic, key: Array(key.utf8), value: encoded.value, headers: Headers(encoded.headers.map { Header($0.name, $0.value) }))
        return Request(number: count, id: envelope.id.text, isPoison: isPoison, record: record)
    }
}
