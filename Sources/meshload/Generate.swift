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
        var requests = RequestWriter(topic: topic, keys: keys, size: size, last: count - 1)
        let start = uptimeSeconds()
        var failed = 0
        for number in 0..<count {
            pace(number, since: start)
            try producer.send(requests.record(number), patience: .seconds(60))
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
}

/// The topics of a load test.
enum Topics {
    /// Makes what is not there yet, with six partitions if nothing else is said.
    static func ensure(_ names: [String], compacted: [String] = [], partitions: Int32 = 6, _ client: ClientSettings) throws {
        let admin = try AdminClient(client)
        defer { admin.close() }
        let wanted =
            names.map { NewTopic(name: $0, partitions: partitions) }
            + compacted.map { NewTopic(name: $0, partitions: partitions, configuration: ["cleanup.policy": "compact"]) }
        try admin.createTopics(wanted).check(except: \.isTopicAlreadyExists)
    }
}
