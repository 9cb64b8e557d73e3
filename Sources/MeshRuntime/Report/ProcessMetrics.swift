import Envelopes
import Kafka
import Telemetry

/// The process's figures as metrics. Names are kept stable; `docs/metrics.md` lists them.
struct ProcessMetrics {
    private let bot: String
    private let taken: Counter
    private let done: Counter
    private let retried: Counter
    private let dead: Counter
    private let duplicates: Counter
    private let filtered: Counter
    private let forwarded: Counter
    private let scheduled: Counter
    private let replaysSkipped: Counter
    private let calls: Counter
    private let failedCalls: Counter
    private let settleFailures: Counter
    private let dropped: Counter
    private let active: Gauge
    private let ready: Gauge
    private let openCalls: Gauge
    private let waiting: Gauge
    private let waitingForRetry: Gauge
    private let lag: Gauge
    private let offset: Gauge
    private let stalled: Gauge
    private let breakers: Gauge
    private let dependencies: Gauge
    private let heldRuns: Gauge
    private let blocked: Gauge
    private let restoring: Gauge
    private let snapshotFailures: Counter
    private let processing: Histogram
    private let endToEnd: Histogram

    init(bot: String, instance: String, version: String, delivery: DeliveryMode, metrics: Metrics) {
        self.bot = bot
        func counter(_ name: String, _ help: String) -> Counter { metrics.counter("mesh_\(name)_total", help: help, labels: ["bot"]) }
        func gauge(_ name: String, _ help: String, _ labels: [String] = ["bot"]) -> Gauge {
            metrics.gauge(name, help: help, labels: labels)
        }
        taken = counter("records_taken", "Records taken in.")
        done = counter("records_done", "Records settled as done.")
        retried = counter("records_retried", "Records sent to retry.")
        dead = counter("records_dead_lettered", "Records sent to the dead letters.")
        duplicates = counter("records_duplicate", "Records that were done before.")
        filtered = counter("records_filtered", "Records that no trigger chose.")
        forwarded = counter("records_forwarded", "Records handed to the bot's inbox.")
        scheduled = counter("schedules_fired", "Ticks of schedules.")
        replaysSkipped = counter("replays_skipped", "Replayed records that ended where a call has no recorded result.")
        calls = counter("calls_started", "Calls begun.")
        failedCalls = counter("calls_failed", "Calls that ended with a failure.")
        settleFailures = counter("settlements_failed", "Settlements of which nothing became visible; they are repeated.")
        dropped = counter("side_records_dropped", "Heartbeats, audit records and log lines that were not delivered.")
        active = gauge("mesh_active", "1 while the bot takes records in.")
        ready = gauge("mesh_ready", "1 while nothing is wrong.")
        openCalls = gauge("mesh_calls_open", "Calls under way.")
        waiting = gauge("mesh_records_waiting", "Records that wait in lanes.")
        waitingForRetry = gauge("mesh_records_waiting_for_retry", "Records and reminders that wait for their time in memory.")
        lag = gauge("kafka_consumergroup_lag", "Records that are not settled.", ["consumergroup", "topic", "partition"])
        offset = gauge(
            "kafka_consumergroup_current_offset", "The lowest offset that is not settled.", ["consumergroup", "topic", "partition"])
        stalled = gauge("mesh_partition_stalled", "1 for a partition that stands still without a reason.", ["bot", "topic", "partition"])
        breakers = gauge("mesh_breaker_open", "1 while calls of this kind are held back.", ["bot", "call"])
        dependencies = gauge(
            "mesh_dependency_state", "What was called outside: 0 it works, 1 calls are on trial, 2 calls are held back.",
            ["bot", "dependency"])
        heldRuns = gauge("mesh_runs_held", "Runs that wait for a dependency without a place among the running ones.")
        blocked = gauge("mesh_settlement_blocked", "1 while results or dead letters cannot be written, and so nothing is committed.")
        restoring = gauge("mesh_restore_remaining_records", "Offsets of the state topic that a restoration has still to read.")
        snapshotFailures = counter("snapshot_failures", "Local copies of the state that could not be read, written or used.")
        processing = metrics.histogram("mesh_processing_seconds", help: "From taking a record in to settling it.", labels: ["bot"])
        endToEnd = metrics.histogram("mesh_end_to_end_seconds", help: "From an event's timestamp to settling it.", labels: ["bot"])
        metrics.gauge("mesh_build_info", help: "What runs.", labels: ["bot", "instance", "version", "delivery"])
            .set(1, bot, instance, version, delivery.rawValue)
    }

    struct State {
        var isActive: Bool
        var isReady: Bool
        var openCalls: Int
        var waiting: Int
        var waitingForRetry: Int
        var dropped: Int
        var partitions: [(partition: TopicPartition, watermark: Int64?, lag: Int64?)]
        var stalled: [TopicPartition]
        /// What was called outside; the state is nil while calls go through.
        var dependencies: [(name: String, state: DegradedDependency.State?)]
        var heldRuns: Int
        /// Offsets of the state topic that are still to be read.
        var restoring: Int64
        var snapshotFailures: Int
        /// Results cannot be written for a while.
        var isBlocked: Bool
    }

    func update(_ figures: inout Figures, _ state: State) {
        taken.raise(to: Double(figures.taken), bot)
        done.raise(to: Double(figures.done), bot)
        retried.raise(to: Double(figures.retried), bot)
        dead.raise(to: Double(figures.dead), bot)
        duplicates.raise(to: Double(figures.duplicates), bot)
        filtered.raise(to: Double(figures.filtered), bot)
        forwarded.raise(to: Double(figures.forwarded), bot)
        scheduled.raise(to: Double(figures.scheduled), bot)
        replaysSkipped.raise(to: Double(figures.replaysSkipped), bot)
        calls.raise(to: Double(figures.callsStarted), bot)
        failedCalls.raise(to: Double(figures.callsFailed), bot)
        settleFailures.raise(to: Double(figures.settleFailures), bot)
        dropped.raise(to: Double(state.dropped), bot)
        active.set(state.isActive ? 1 : 0, bot)
        ready.set(state.isReady ? 1 : 0, bot)
        openCalls.set(Double(state.openCalls), bot)
        waiting.set(Double(state.waiting), bot)
        waitingForRetry.set(Double(state.waitingForRetry), bot)
        for (processingTime, endToEndTime) in figures.takeLatencies() {
            processing.observe(Double(processingTime) / 1_000, bot)
            endToEnd.observe(Double(endToEndTime) / 1_000, bot)
        }
        lag.removeAll()
        offset.removeAll()
        stalled.removeAll()
        for (partition, watermark, records) in state.partitions {
            let labels = (partition.topic, String(partition.partition))
            if let watermark { offset.set(Double(watermark), bot, labels.0, labels.1) }
            if let records { lag.set(Double(records), bot, labels.0, labels.1) }
        }
        for partition in state.stalled { stalled.set(1, bot, partition.topic, String(partition.partition)) }
        breakers.removeAll()
        dependencies.removeAll()
        var open: [String: Bool] = [:]
        for (dependency, degraded) in state.dependencies {
            let value: Double =
                switch degraded {
                case nil: 0
                case .halfOpen: 1
                case .open: 2
                }
            dependencies.set(value, bot, dependency)
            // `http:docs.example.org` is a call of the kind `http`.
            let kind = String(dependency.prefix { $0 != ":" })
            open[kind] = open[kind] ?? false || value > 0
        }
        for (kind, isOpen) in open { breakers.set(isOpen ? 1 : 0, bot, kind) }
        restoring.set(Double(state.restoring), bot)
        snapshotFailures.raise(to: Double(state.snapshotFailures), bot)
        heldRuns.set(Double(state.heldRuns), bot)
        blocked.set(state.isBlocked ? 1 : 0, bot)
    }
}
