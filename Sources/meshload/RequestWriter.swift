import Envelopes
import Kafka

/// Makes the requests of a load test: valid envelopes, keyed by repository.
struct RequestWriter {
    private let topic: String
    private let keys: Int
    private let padding: String
    private var random = SystemRandomNumberGenerator()

    /// - Parameters:
    ///   - keys: how many repositories they are spread over.
    ///   - size: bytes of a value, at least.
    ///   - last: the highest number that will be asked for: with it a value has the size without padding.
    init(topic: String, keys: Int, size: Int, last: Int) {
        self.topic = topic
        self.keys = keys
        let least = Self.record(last, topic, keys, padding: "", &random).value?.count ?? 0
        padding = String(repeating: "x", count: max(0, size - least))
    }

    mutating func record(_ number: Int) -> OutgoingRecord { Self.record(number, topic, keys, padding: padding, &random) }

    private static func record(
        _ number: Int, _ topic: String, _ keys: Int, padding: String, _ random: inout SystemRandomNumberGenerator
    ) -> OutgoingRecord {
        let repository = "https://git.example.org/bench/\(number % keys).git"
        // Written by hand: nothing in it needs escaping.
        let payload = "{\"branch\":\"main\",\"padding\":\"\(padding)\",\"repository\":\"\(repository)\",\"sequence\":\(number)}"
        let envelope = Envelope(
            id: EventID(random: &random), timestamp: .now, source: "meshload", type: EventType(topic), payload: Array(payload.utf8))
        let encoded = EnvelopeCodec().encode(envelope)
        return OutgoingRecord(
            topic: topic, key: Array(repository.utf8), value: encoded.value,
            headers: Headers(encoded.headers.map { Header($0.name, $0.value) }))
    }

    /// The sequence number in a value that this made, or in a result that passed its payload through; nil where there is none.
    static func sequence(in value: [UInt8]?) -> Int? {
        guard let value else { return nil }
        let name = Array("\"sequence\":".utf8)
        var end = value.count - name.count
        while end >= 0 {
            if value[end] == name[0], value[end..<(end + name.count)].elementsEqual(name) {
                let digits = value[(end + name.count)...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
                return Int(String(decoding: digits, as: UTF8.self))
            }
            end -= 1
        }
        return nil
    }
}
