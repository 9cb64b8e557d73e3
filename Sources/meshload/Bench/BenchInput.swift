import Envelopes
import Kafka

/// Fills a topic with requests.
struct BenchInput {
    let topic: String
    let count: Int
    let keys: Int
    let size: Int
    var partitions: Int32 = 6

    /// How long an open transaction may take to be filled.
    private static let limit: Duration = .seconds(600)

    func make(on ground: BenchGround) throws { try ground.ensure([topic], partitions: partitions) }

    /// Writes the requests and waits until all are acknowledged. Blocks.
    func fill(on ground: BenchGround) throws {
        try make(on: ground)
        let producer = try Producer(ground.client, ProducerSettings(linger: .milliseconds(5), keepsOnlyFailures: true))
        defer { producer.close(timeout: .seconds(2)) }
        try write(with: producer)
    }

    /// Writes them in one transaction, so that all become visible at one moment; gives that moment. Blocks.
    func release(on ground: BenchGround) throws -> Timestamp {
        let settings = ProducerSettings(
            transactionalID: "meshload-\(topic)", transactionTimeout: Self.limit, linger: .milliseconds(5), keepsOnlyFailures: true)
        let producer = try Producer(ground.client, settings)
        defer { producer.close(timeout: .seconds(2)) }
        try producer.initTransactions(timeout: .seconds(30))
        try producer.beginTransaction()
        try write(with: producer)
        let moment = Timestamp.now
        try producer.commitTransaction(timeout: .seconds(60))
        return moment
    }

    private func write(with producer: Producer) throws {
        var requests = RequestWriter(topic: topic, keys: keys, size: size, last: count - 1)
        for number in 0..<count {
            try producer.send(requests.record(number), patience: .seconds(60))
            if number & 1_023 == 0, let failure = producer.deliveries().first?.error { throw failure }
        }
        try producer.flush(timeout: .seconds(120))
        if let failure = producer.deliveries().first?.error { throw failure }
    }
}
