import Broker
import Dispatch
import Envelopes
import Synchronization
import Telemetry

/// `/health` and `/metrics`. The broker's figures are taken on its own thread when somebody asks for them.
final class BrokerMetrics: Sendable {
    /// Half a tenth of a millisecond to ten seconds: most requests are answered at once, fetches wait.
    private static let latencies = [
        0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]
    /// A broker that does not answer within it is reported as failing.
    private static let patience = DispatchTimeInterval.seconds(2)

    private let access: BrokerAccess
    private let metrics = Metrics()
    private let requests: Histogram
    private let requestBytes: Counter
    private let responseBytes: Counter

    /// Takes note of every request of the broker.
    init(_ node: BrokerNode) {
        access = node.access
        requests = metrics.histogram(
            "kafka_request_seconds", help: "From a request's arrival to its answer, waiting included.", labels: ["api"],
            buckets: Self.latencies)
        requestBytes = metrics.counter("kafka_request_bytes_total", help: "Bytes of requests.", labels: ["api"])
        responseBytes = metrics.counter("kafka_response_bytes_total", help: "Bytes of answers.", labels: ["api"])
        node.observe = { [requests, requestBytes, responseBytes] figures in
            let api = figures.api.name
            requests.observe(Double(figures.microseconds) / 1_000_000, api)
            requestBytes.add(Double(figures.bytesIn), api)
            responseBytes.add(Double(figures.bytesOut), api)
        }
    }

    var routes: [String: HealthServer.Handler] {
        ["/health": { [self] in health() }, "/metrics": { [self] in text() }]
    }

    private func health() -> HealthServer.Response {
        guard let statistics = statistics() else {
            return .json(["status": "failing", "reason": "the broker does not answer"], status: 503)
        }
        let failed = statistics.partitions.filter(\.isFailed).map { "\($0.topic)-\($0.number)" }.sorted()
        guard failed.isEmpty else {
            return .json(
                ["status": "failing", "reason": .string("these partitions take no data: \(failed.joined(separator: ", "))")], status: 503)
        }
        return .json([
            "status": "ok", "topics": .integer(Int64(statistics.topics)), "partitions": .integer(Int64(statistics.partitions.count)),
            "connections": .integer(Int64(statistics.connections)),
        ])
    }

    private func text() -> HealthServer.Response {
        guard let statistics = statistics() else { return .text("the broker does not answer\n", status: 503) }
        update(statistics)
        return .metrics(metrics)
    }

    /// nil when the broker does not answer in time.
    private func statistics() -> BrokerStatistics? {
        let answer = Answer()
        access.perform { node in
            answer.value.withLock { $0 = node.statistics() }
            answer.isThere.signal()
        }
        guard answer.isThere.wait(timeout: .now() + Self.patience) == .success else { return nil }
        return answer.value.withLock { $0 }
    }

    private final class Answer: Sendable {
        let value = Mutex<BrokerStatistics?>(nil)
        let isThere = DispatchSemaphore(value: 0)
    }

    private func update(_ statistics: BrokerStatistics) {
        let count = { (name: String, help: String, value: Int) in self.metrics.gauge(name, help: help).set(Double(value)) }
        let total = { (name: String, help: String, value: Int) in self.metrics.counter(name, help: help).raise(to: Double(value)) }
        total("kafka_records_in_total", "Records that producers appended.", statistics.recordsIn)
        total("kafka_bytes_in_total", "Bytes of record batches that producers appended.", statistics.bytesIn)
        total("kafka_bytes_out_total", "Bytes of record batches that consumers got.", statistics.bytesOut)
        count("kafka_topics", "Topics, internal ones included.", statistics.topics)
        count("kafka_partitions", "Partitions.", statistics.partitions.count)
        // A single node: a partition is below its least number of replicas when it cannot be written at all.
        count("kafka_under_min_isr_partitions", "Partitions that take no data.", statistics.partitions.count(where: \.isFailed))
        count("kafka_connections", "Open connections of clients.", statistics.connections)
        count("kafka_waiting_fetches", "Fetches that wait for records.", statistics.waitingFetches)
        count("kafka_group_members", "Members of all groups.", statistics.groupMembers)
        count("kafka_committed_offsets", "Offsets that groups have committed.", statistics.committedOffsets)
        total("kafka_transactions_committed_total", "Transactions that were committed.", statistics.transactionsCommitted)
        total("kafka_transactions_aborted_total", "Transactions that were aborted.", statistics.transactionsAborted)
        total("kafka_transactions_timed_out_total", "Transactions that took longer than allowed.", statistics.transactionsTimedOut)
        total("kafka_log_cleaner_runs_total", "Runs of the log cleaner that came to their end.", statistics.cleaning.runs)
        total("kafka_log_cleaner_read_bytes_total", "Bytes of segments before they were cleaned.", statistics.cleaning.bytesBefore)
        total("kafka_log_cleaner_written_bytes_total", "Bytes of segments after they were cleaned.", statistics.cleaning.bytesAfter)
        count("kafka_log_cleaner_failed_partitions", "Partitions whose last cleaning failed.", statistics.cleaning.failedPartitions)
        let groups = metrics.gauge("kafka_groups", help: "Groups by state.", labels: ["state"])
        groups.removeAll()
        for (state, number) in statistics.groups { groups.set(Double(number), state) }
        let transactions = metrics.gauge(
            "kafka_transactional_ids", help: "Transactional ids by the state of their transaction.", labels: ["state"])
        transactions.removeAll()
        for (state, number) in statistics.transactions { transactions.set(Double(number), state) }
        update(statistics.partitions)
    }

    private func update(_ partitions: [BrokerStatistics.Partition]) {
        let labels = ["topic", "partition"]
        let families = [
            metrics.gauge("kafka_log_size_bytes", help: "Bytes of a partition's log.", labels: labels),
            metrics.gauge("kafka_log_segments", help: "Files of a partition's log.", labels: labels),
            metrics.gauge("kafka_log_start_offset", help: "First offset that can be read.", labels: labels),
            metrics.gauge("kafka_log_end_offset", help: "Offset of the next record.", labels: labels),
        ]
        for family in families { family.removeAll() }
        for partition in partitions {
            let values = [Int64(partition.bytes), Int64(partition.segments), partition.startOffset, partition.endOffset]
            for (family, value) in zip(families, values) { family.set(Double(value), partition.topic, String(partition.number)) }
        }
    }
}
