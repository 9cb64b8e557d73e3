import Kafka
import MeshTesting
import Synchronization

/// Runs a test's blocking calls on a thread of its own.
func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await DedicatedThread.run(name: "test", body)
}

/// Quiet clients: what librdkafka would print belongs to no test's output.
let quiet = ClientObserver(log: { _ in })

struct NothingCame: Error, CustomStringConvertible {
    let description: String
}

extension Consumer {
    /// The next `count` records; throws when they do not come in time. Errors that mend themselves are passed over.
    func records(_ count: Int, within limit: Duration = .seconds(90)) throws -> [Record] {
        var records: [Record] = []
        let deadline = ContinuousClock.now.advanced(by: limit)
        while records.count < count {
            guard ContinuousClock.now < deadline else { throw NothingCame(description: "\(records.count) of \(count) records came") }
            switch poll(timeout: .milliseconds(50)) {
            case .record(let record): records.append(record)
            case .error(let error) where error.isFatal: throw error
            default: continue
            }
        }
        return records
    }

    /// Every record up to the end of all assigned partitions. The consumer must report partition ends.
    func recordsToEnd(partitions: Int = 1, within limit: Duration = .seconds(90)) throws -> [Record] {
        var records: [Record] = []
        var ended: Set<TopicPartition> = []
        let deadline = ContinuousClock.now.advanced(by: limit)
        while ended.count < partitions {
            guard ContinuousClock.now < deadline else { throw NothingCame(description: "\(ended.count) of \(partitions) ends came") }
            switch poll(timeout: .milliseconds(50)) {
            case .record(let record): records.append(record)
            case .partitionEnd(let partition, _): ended.insert(partition)
            case .error(let error) where error.isFatal: throw error
            default: continue
            }
        }
        return records
    }

    /// Polls until a condition holds.
    func poll(within limit: Duration = .seconds(90), until condition: () throws -> Bool) throws {
        let deadline = ContinuousClock.now.advanced(by: limit)
        while try !condition() {
            guard ContinuousClock.now < deadline else { throw NothingCame(description: "the condition did not come to hold in \(limit)") }
            _ = poll(timeout: .milliseconds(20))
        }
    }
}

/// Reads a whole topic of one partition.
func readAll(
    _ topic: String, _ settings: ClientSettings, isolation: GroupSettings.Isolation = .readCommitted, partitions: Int32 = 1
) throws -> [Record] {
    let consumer = try Consumer(settings, group: .none(isolation: isolation, reportsPartitionEnd: true), observer: quiet)
    defer { consumer.close() }
    try consumer.assign(Dictionary(uniqueKeysWithValues: (0..<partitions).map { (TopicPartition(topic, $0), StartOffset.beginning) }))
    return try consumer.recordsToEnd(partitions: Int(partitions))
}

/// Records what the delegate hears, and may commit while partitions are given up.
final class RecordingDelegate: RebalanceDelegate {
    var assigned: Set<TopicPartition> = []
    var events: [String] = []
    var onRevoke: (([TopicPartition], Consumer) -> Void)?

    func assigning(_ partitions: [TopicPartition], to consumer: Consumer) {
        assigned.formUnion(partitions)
        events.append("assign \(partitions.count)")
    }

    func revoking(_ partitions: [TopicPartition], from consumer: Consumer) {
        onRevoke?(partitions, consumer)
        assigned.subtract(partitions)
        events.append("revoke \(partitions.count)")
    }

    func lost(_ partitions: [TopicPartition], from consumer: Consumer) {
        assigned.subtract(partitions)
        events.append("lose \(partitions.count)")
    }
}

extension GroupSettings {
    /// Of a member that stays in its group while the machine stands still for a while.
    static func patient(_ id: String, instanceID: String? = nil) -> GroupSettings {
        GroupSettings(id: id, instanceID: instanceID, sessionTimeout: .seconds(45))
    }
}

extension ProducerSettings {
    /// Of one whose transactions last while the machine stands still for a while.
    static func patient(_ transactionalID: String) -> ProducerSettings {
        ProducerSettings(transactionalID: transactionalID, transactionTimeout: .seconds(60))
    }
}

/// Counts from any thread.
final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .acquiring) }
    func add() { count.add(1, ordering: .acquiringAndReleasing) }
}

struct Seen: Sendable {
    let log = Counter()
    let statistics = Counter()
}
