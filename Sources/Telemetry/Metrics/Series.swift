import Synchronization

/// The series of one family, by the values of its labels. Bounded: what comes beyond `limit` is counted together, with `other` as every label's value.
struct SeriesTable<Value: Sendable>: Sendable {
    static var limit: Int { 1000 }

    private let labelCount: Int
    private(set) var values: [[String]: Value] = [:]

    init(labelCount: Int) { self.labelCount = labelCount }

    mutating func update<Result>(_ labels: [String], initial: Value, _ body: (inout Value) -> Result) -> Result {
        precondition(labels.count == labelCount, "\(labels.count) values for \(labelCount) labels")
        let key = values[labels] != nil || values.count < Self.limit ? labels : Array(repeating: "other", count: labelCount)
        return body(&values[key, default: initial])
    }

    mutating func remove(_ labels: [String]) { values[labels] = nil }

    mutating func removeAll() { values = [:] }

    var sorted: [(key: [String], value: Value)] { values.sorted { $0.key.lexicographicallyPrecedes($1.key) } }
}

/// A number that only grows. Without labels it is there, as 0, from the start.
public final class Counter: MetricFamily {
    let head: FamilyHead
    private let series: Mutex<SeriesTable<Double>>

    init(_ head: FamilyHead) {
        self.head = head
        series = Mutex(SeriesTable(labelCount: head.labels.count))
        if head.labels.isEmpty { add(0) }
    }

    /// Adds `amount`, 0 or more, to the series with these label values.
    public func add(_ amount: Double = 1, _ labels: String...) {
        precondition(amount >= 0, "the counter \(head.name) cannot fall")
        series.withLock { $0.update(labels, initial: 0) { $0 += amount } }
    }

    /// For a count that is kept elsewhere: the series becomes `total`, and never falls.
    public func raise(to total: Double, _ labels: String...) {
        series.withLock { $0.update(labels, initial: 0) { $0 = Swift.max($0, total) } }
    }

    /// The present value; nil when there is no such series.
    public func value(_ labels: String...) -> Double? { series.withLock { $0.values[labels] } }

    func writeSeries(to text: inout String) {
        for (labels, value) in series.withLock({ $0.sorted }) { head.line("", labels, value, to: &text) }
    }
}

/// A number that goes up and down. A series that was never set is absent: unknown is not zero.
public final class Gauge: MetricFamily {
    let head: FamilyHead
    private let series: Mutex<SeriesTable<Double>>

    init(_ head: FamilyHead) {
        self.head = head
        series = Mutex(SeriesTable(labelCount: head.labels.count))
    }

    public func set(_ value: Double, _ labels: String...) { series.withLock { $0.update(labels, initial: 0) { $0 = value } } }
    public func add(_ amount: Double, _ labels: String...) { series.withLock { $0.update(labels, initial: 0) { $0 += amount } } }
    /// Takes a series away: its value is no longer known.
    public func remove(_ labels: String...) { series.withLock { $0.remove(labels) } }
    public func removeAll() { series.withLock { $0.removeAll() } }
    public func value(_ labels: String...) -> Double? { series.withLock { $0.values[labels] } }

    func writeSeries(to text: inout String) {
        for (labels, value) in series.withLock({ $0.sorted }) { head.line("", labels, value, to: &text) }
    }
}

/// How values are distributed.
public final class Histogram: MetricFamily {
    /// Bounds for durations in seconds, from a millisecond to an hour.
    public static let seconds: [Double] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600]

    private struct Counts: Sendable {
        /// One for each bucket, and the last for what lies above all.
        var buckets: [UInt64]
        var sum = 0.0
    }

    let head: FamilyHead
    private let buckets: [Double]
    private let series: Mutex<SeriesTable<Counts>>

    init(_ head: FamilyHead, buckets: [Double]) {
        self.head = head
        self.buckets = buckets
        series = Mutex(SeriesTable(labelCount: head.labels.count))
    }

    /// Takes one value in the metric's unit. NaN is not counted.
    public func observe(_ value: Double, _ labels: String...) { take(value, labels) }

    /// Takes a duration, in seconds.
    public func observe(_ duration: Duration, _ labels: String...) {
        let (seconds, attoseconds) = duration.components
        take(Double(seconds) + Double(attoseconds) / 1e18, labels)
    }

    private func take(_ value: Double, _ labels: [String]) {
        guard !value.isNaN else { return }
        let bucket = buckets.firstIndex { value <= $0 } ?? buckets.count
        series.withLock { table in
            table.update(labels, initial: Counts(buckets: Array(repeating: 0, count: buckets.count + 1))) { counts in
                counts.buckets[bucket] += 1
                counts.sum += value
            }
        }
    }

    func writeSeries(to text: inout String) {
        for (labels, counts) in series.withLock({ $0.sorted }) {
            var total: UInt64 = 0
            for (index, count) in counts.buckets.enumerated() {
                total += count
                let bound = index < buckets.count ? MetricText.number(buckets[index]) : "+Inf"
                head.line("_bucket", labels, extra: ("le", bound), Double(total), to: &text)
            }
            head.line("_sum", labels, counts.sum, to: &text)
            head.line("_count", labels, Double(total), to: &text)
        }
    }
}
