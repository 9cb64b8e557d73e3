import Kafka
import Synchronization

/// How far the restoration at hand is. Written by the restore thread, read by any.
final class RestoreProgress: Sendable {
    private struct Part {
        let start: Int64
        let end: Int64
        var next: Int64
        var rest: Int64 { end - next }
    }

    private let parts = Mutex<[TopicPartition: Part]>([:])

    /// Partitions are read from `start` to `end`, offsets both.
    func begin(_ partitions: [(partition: TopicPartition, start: Int64, end: Int64)]) {
        parts.withLock { parts in
            parts = [:]
            for (partition, start, end) in partitions { parts[partition] = Part(start: start, end: end, next: start) }
        }
    }

    /// The record at `offset` was read.
    func reached(_ partition: TopicPartition, _ offset: Int64) { parts.withLock { $0[partition]?.next = offset + 1 } }

    func end() { parts.withLock { $0 = [:] } }

    /// Offsets that are still to be read, over all partitions.
    var rest: Int64 { parts.withLock { $0.values.reduce(0) { $0 + max(0, $1.rest) } } }

    /// E.g. `restoring state.x[3] 120,000 of 2,000,000 and 2 more`: the partition that has most before it. Nil when nothing is left to read.
    var text: String? {
        let open = parts.withLock { $0.filter { $0.value.rest > 0 } }
        guard let (partition, part) = open.max(by: { ($0.value.rest, $1.key) < ($1.value.rest, $0.key) }) else { return nil }
        let others = open.count > 1 ? " and \(open.count - 1) more" : ""
        return "restoring \(partition) \(Self.grouped(part.next - part.start)) of \(Self.grouped(part.end - part.start))\(others)"
    }

    /// With a comma between thousands.
    static func grouped(_ number: Int64) -> String {
        let digits = String(number.magnitude)
        var text = ""
        for (place, digit) in digits.enumerated() {
            if place > 0, (digits.count - place) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return number < 0 ? "-" + text : text
    }
}
