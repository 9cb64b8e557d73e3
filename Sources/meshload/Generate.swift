import Envelopes
import Glibc
import Kafka
import Terminal

/// Writes requests: valid envelopes, keyed by repository.
struct Generate {
    private let client: ClientSettings
    private let topic: String
    private let count: Int
    private let keys: Int
    private let size: Int
    private let rate: Int?

    init(_ invocation: Invocation) throws {
        client = try invocation.client()
        topic = invocation["topic"] ?? "bench.request"
        count = try invocation.number("count", in: 1...1_000_000_000)
        keys = try invocation.number("keys", in: 1...10_000_000)
        size = try invocation.number("size", in: 0...250_000)
        rate = try invocation.integer("rate", in: 1...10_000_000)
    }

    func run() throws -> Int32 {
        try Topics.ensure([topic], client)
        let producer = try Producer(client, ProducerSettings(linger: .milliseconds(5), keepsOnlyFailures: true))
        defer { producer.close(timeout: .seconds(2)) }
        var random = SystemRandomNumberGenerator()
        let padding = padding(using: &random)
        let start = uptimeSeconds()
        var failed = 0
        for number in 0..<count {
            pace(number, since: start)
            try producer.send(record(number, padding: padding, using: &random), patience: .seconds(60))
            if number & 1023 == 0 { failed += producer.deliveries().count }
        }
        do throws(KafkaError) {
            try producer.flush(timeout: .seconds(90))
        } catch {
            Terminal.write("meshload: \(error)\n", to: STDERR_FILENO)
        }
        let seconds = uptimeSeconds() - start
        failed += producer.deliveries().count + producer.queuedRecords
        let acked = count - failed
        sayResult([
            ("sent", count), ("acked", acked), ("failed", failed), ("seconds", rounded(seconds)),
            ("rate", rounded(Double(acked) / max(seconds, 1e-9), 1)),
        ])
        return failed == 0 ? 0 : 1
    }

    /// Waits until the record's time has come.
    private func pace(_ number: Int, since start: Double) {
        guard let rate else { return }
        let wait = start + Double(number) / Double(rate) - uptimeSeconds()
        if wait > 0.001 { usleep(UInt32(min(wait * 1e6, 999_999))) }
    }

    /// What brings a value to the size that was asked for; empty where it has it already.
    private func padding(using random: inout some RandomNumberGenerator) -> String {
        let least = record(count - 1, padding: "", using: &random).value?.count ?? 0
        return String(repeating: "x", count: max(0, size - least))
    }

    private func record(_ number: Int, padding: String, using random: inout some RandomNumberGenerator) -> OutgoingRecord {
        let repository = "https://git.example.org/bench/\(number % keys).git"
        // Written by hand: nothing in it needs escaping.
        let payload = "{\"branch\":\"main\",\"padding\":\"\(padding)\",\"repository\":\"\(repository)\",\"sequence\":\(number)}"
        let envelope = Envelope(
            id: EventID(random: &random), timestamp: .now, source: "meshload", type: EventType(topic), payload: Array(payload.utf8))
        let encoded = EnvelopeCodec().encode(envelope)
        return OutgoingRecord(
            topic: topic, key: Array(repository.utf8), value: encoded.value, headers: encoded.headers.map { Header($0.name, $0.value) })
    }
}

/// The topics of a load test.
enum Topics {
    /// Makes what is not there yet: six partitions, one for a compacted one.
    static func ensure(_ names: [String], compacted: [String] = [], _ client: ClientSettings) throws {
        let admin = try AdminClient(client)
        defer { admin.close() }
        let wanted =
            names.map { NewTopic(name: $0, partitions: 6) }
            + compacted.map { NewTopic(name: $0, partitions: 6, configuration: ["cleanup.policy": "compact"]) }
        try admin.createTopics(wanted).check(except: \.isTopicAlreadyExists)
    }
}
