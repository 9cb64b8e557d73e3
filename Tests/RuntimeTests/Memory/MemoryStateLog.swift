import Kafka

@testable import MeshRuntime

/// A state topic in memory: appended to, compacted, cut at its head, made again.
final class MemoryStateLog: StateLog {
    static let topic = "state.testbot"
    private(set) var records: [Int32: [Record]] = [:]
    private var next: [Int32: Int64] = [:]
    private var low: [Int32: Int64] = [:]
    /// Where the transactions begin that are not decided: who waits for them sees them decided.
    var stable: [Int32: Int64] = [:]
    /// Records that were read from it.
    private(set) var read = 0
    var clock: Int64 = 1_700_000_000_000

    init(partitions: Int32) { for number in 0..<partitions { clear(number) } }

    func append(_ key: String?, _ value: String?, to number: Int32, skipping gap: Int64 = 0) {
        let offset = next[number]! + gap
        next[number] = offset + 1
        clock += 1
        records[number]!.append(
            Record(
                topicPartition: TopicPartition(Self.topic, number), offset: offset, key: key.map { Array($0.utf8) },
                value: value.map { Array($0.utf8) }, timestamp: RecordTimestamp(kind: .created, milliseconds: clock)))
    }

    /// Removes the records that `isGone` chooses among those of which a newer one of the same key is there, and tombstones where `dropsTombstones`.
    func compact(_ number: Int32, dropsTombstones: Bool = false, _ isGone: (Record) -> Bool) {
        var newest: [[UInt8]: Int64] = [:]
        for record in records[number]! { if let key = record.key { newest[key] = record.offset } }
        records[number]!.removeAll { record in
            guard let key = record.key, isGone(record) else { return false }
            return newest[key] != record.offset || dropsTombstones && record.value == nil
        }
    }

    func cut(_ number: Int32, below offset: Int64) {
        low[number] = max(low[number]!, offset)
        records[number]!.removeAll { $0.offset < offset }
    }

    /// The partition's topic was deleted and made again.
    func clear(_ number: Int32) {
        records[number] = []
        next[number] = 0
        low[number] = 0
    }

    func end(of number: Int32) -> Int64 { next[number]! }

    func bounds(of number: Int32) -> Watermarks { Watermarks(low: low[number]!, high: next[number]!) }

    func read(_ starts: [Int32: Int64], to ends: [Int32: Int64], until isEnough: () -> Bool, _ body: (Record) -> Reading) {
        for (number, start) in starts.sorted(by: { $0.key < $1.key }) {
            reading: for record in records[number]! where record.offset >= start {
                if isEnough() { return }
                if let end = stable[number], record.offset >= end {
                    guard end < ends[number] ?? 0 else { break }
                    stable[number] = nil
                }
                read += 1
                switch body(record) {
                case .more: break
                case .partitionDone: break reading
                }
            }
        }
    }
}
