/// What the process counts. Confined to the engine's thread; copied for reports.
struct Figures: Sendable {
    /// Settlements of the last minute, for rates and percentiles. Bounded.
    private struct Sample: Sendable {
        var at: Int64
        var processing: Int64
        var endToEnd: Int64
    }
    private static var maximumSamples: Int { 1_024 }

    private(set) var taken = 0
    private(set) var done = 0
    private(set) var retried = 0
    private(set) var dead = 0
    private(set) var duplicates = 0
    private(set) var filtered = 0
    private(set) var callsStarted = 0
    private(set) var callsFailed = 0
    private(set) var settleFailures = 0
    private(set) var forwarded = 0
    private(set) var scheduled = 0
    private(set) var replaysSkipped = 0
    private var samples = Fifo<Sample>()
    /// Settled and failed records by second, for the last minute: (second, settled, failed).
    private var seconds = Fifo<(second: Int64, settled: Int, failed: Int)>()
    private var current: (second: Int64, settled: Int, failed: Int) = (0, 0, 0)

    /// Latencies settled since the last call of `takeLatencies`, in milliseconds. Bounded.
    private var fresh: [(processing: Int64, endToEnd: Int64)] = []

    mutating func tookIn() { taken += 1 }
    mutating func sawDuplicate() { duplicates += 1 }
    mutating func sawFiltered() { filtered += 1 }
    mutating func startedCall() { callsStarted += 1 }
    mutating func failedCall() { callsFailed += 1 }
    mutating func failedSettling() { settleFailures += 1 }
    mutating func forwardedOne() { forwarded += 1 }
    mutating func firedSchedule() { scheduled += 1 }
    mutating func skippedReplay() { replaysSkipped += 1 }

    mutating func settledDone(processing: Int64, endToEnd: Int64, at uptime: Int64) {
        done += 1
        count(settled: 1, failed: 0, at: uptime)
        samples.append(Sample(at: uptime, processing: processing, endToEnd: endToEnd))
        if samples.count > Self.maximumSamples { _ = samples.popFirst() }
        if fresh.count < Self.maximumSamples { fresh.append((processing, endToEnd)) }
    }

    mutating func settledRetry(at uptime: Int64) {
        retried += 1
        count(settled: 1, failed: 1, at: uptime)
    }

    mutating func settledDead(at uptime: Int64) {
        dead += 1
        count(settled: 1, failed: 1, at: uptime)
    }

    mutating func takeLatencies() -> [(processing: Int64, endToEnd: Int64)] {
        defer { fresh = [] }
        return fresh
    }

    private mutating func count(settled: Int, failed: Int, at uptime: Int64) {
        let second = uptime / 1_000
        if second != current.second {
            seconds.append(current)
            current = (second, 0, 0)
            while let first = seconds.first, first.second < second - 60 { _ = seconds.popFirst() }
        }
        current.settled += settled
        current.failed += failed
    }

    /// Records and failures a second over the last minute.
    mutating func rates(at uptime: Int64) -> (records: Double, errors: Double) {
        count(settled: 0, failed: 0, at: uptime)
        while let first = seconds.first, first.second < uptime / 1_000 - 60 { _ = seconds.popFirst() }
        var settled = current.settled
        var failed = current.failed
        for second in seconds.elements {
            settled += second.settled
            failed += second.failed
        }
        let span = Double(min(60, max(1, uptime / 1_000)))
        return (Double(settled) / span, Double(failed) / span)
    }

    struct Percentiles: Sendable {
        var processingP50: Double
        var processingP99: Double
        var endToEndP50: Double
        var endToEndP99: Double
    }

    /// In seconds, over the last minute; nil when nothing was settled.
    mutating func percentiles(at uptime: Int64) -> Percentiles? {
        while let first = samples.first, first.at < uptime - 60_000 { _ = samples.popFirst() }
        var processing: [Int64] = []
        var endToEnd: [Int64] = []
        for sample in samples.elements {
            processing.append(sample.processing)
            endToEnd.append(sample.endToEnd)
        }
        guard !processing.isEmpty else { return nil }
        processing.sort()
        endToEnd.sort()
        func at(_ share: Double, _ values: [Int64]) -> Double {
            Double(values[min(values.count - 1, Int(share * Double(values.count)))]) / 1_000
        }
        return Percentiles(
            processingP50: at(0.5, processing), processingP99: at(0.99, processing), endToEndP50: at(0.5, endToEnd),
            endToEndP99: at(0.99, endToEnd))
    }
}
