import Kafka
import Synchronization

/// How far the restoration at hand is. Written by the restore thread, read by any.
final class RestoreProgress: Sendable {
    private struct Part {
        let start: Int64
        let end: Int64
        var next: Int64
        /// The least that was ever left.
        var least: Int64
        var rest: Int64 { end - next }

        /// Whether less is left than ever before.
        mutating func reach(_ next: Int64) -> Bool {
            self.next = next
            guard rest < least else { return false }
            least = rest
            return true
        }
    }

    private struct State {
        var parts: [TopicPartition: Part] = [:]
        /// The least that was ever left of partitions that are not among `parts`, since something was asked for: who begins again from the start gets nowhere.
        var least: [TopicPartition: Int64] = [:]
        /// When something fell below that.
        var moved: Int64
    }

    private let state: Mutex<State>
    private let uptime: @Sendable () -> Int64

    /// For so long, in milliseconds, nothing need move: as long as a reader waits for a record, or for a transaction to be decided.
    static let patience = PartitionScan.patience

    /// `uptime` is now, in milliseconds, as `Moment` has it.
    init(uptime: @escaping @Sendable () -> Int64 = { Moment.roughUptime }) {
        self.uptime = uptime
        state = Mutex(State(moved: uptime()))
    }

    /// A restoration was asked for that was not before.
    func asked() {
        state.withLock { state in
            state.least = [:]
            for partition in state.parts.keys { state.parts[partition]?.least = .max }
            state.moved = uptime()
        }
    }

    /// Partitions are read from `start` to `end`, offsets both.
    func begin(_ partitions: [(partition: TopicPartition, start: Int64, end: Int64)]) {
        state.withLock { state in
            for (partition, start, end) in partitions {
                let least = state.parts[partition]?.least ?? state.least[partition] ?? .max
                var part = Part(start: start, end: end, next: start, least: least)
                if part.reach(start) { state.moved = uptime() }
                state.parts[partition] = part
            }
        }
    }

    /// The record at `offset` was read.
    func reached(_ partition: TopicPartition, _ offset: Int64) {
        state.withLock { state in
            if state.parts[partition]?.reach(offset + 1) ?? false { state.moved = uptime() }
        }
    }

    /// So many offsets are left of what is read beside the state.
    func remains(_ left: Int64, of partition: TopicPartition) {
        state.withLock { state in
            guard left < state.least[partition] ?? .max else { return }
            state.least[partition] = left
            state.moved = uptime()
        }
    }

    /// These have been read. Of one that could not be, what was left remains.
    func end(_ partitions: some Sequence<TopicPartition>) {
        state.withLock { state in
            for partition in partitions { if let part = state.parts.removeValue(forKey: partition) { state.least[partition] = part.least } }
        }
    }

    /// Nothing is to be restored any more.
    func endAll() { state.withLock { $0.parts = [:] } }

    /// Whether what remains has become less of late.
    var isMoving: Bool { state.withLock { uptime() - $0.moved < Self.patience } }

    /// Offsets that are still to be read, over all partitions.
    var rest: Int64 { state.withLock { $0.parts.values.reduce(0) { $0 + max(0, $1.rest) } } }

    /// E.g. `restoring state.x[3] 120,000 of 2,000,000 and 2 more`: the partition that has most before it. Nil when nothing is left to read.
    var text: String? {
        let open = state.withLock { $0.parts.filter { $0.value.rest > 0 } }
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
