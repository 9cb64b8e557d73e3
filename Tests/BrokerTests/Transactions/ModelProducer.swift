import KafkaProtocol
import Testing

@testable import Broker

/// A transactional producer as a client library has it: one request at a time, repeated while the answer is one to repeat it for, or does not come.
final class ModelProducer {
    typealias Producer = TransactionMetadata.Producer
    private enum State {
        case new
        case ready
        case open
        case ending(commit: Bool)
        /// Fenced, or something else that a client library does not go on after.
        case dead
    }

    /// What all producers of a world did.
    final class Record {
        struct Transaction {
            /// That were acknowledged before the end.
            var batches = 0
            var askedForCommit = false
            /// What the producer was told at the end.
            var told: Bool?
        }

        var transactions: [Transaction] = []
        /// The last that each transactional id was given.
        var given: [String: Producer] = [:]
        var producerIDs: Set<Int64> = []
        var ended = 0
        var fenced = 0
    }

    private let id: String
    private let world: TransactionWorld
    private let record: Record
    private var state = State.new
    private var producer = Producer(id: -1, epoch: -1)
    private var transaction = 0
    private var partitions: [TopicPartition] = []
    /// In which life of the broker the request was sent that has no answer yet.
    private var waitingSince: Int?

    init(id: String, world: TransactionWorld, record: Record) {
        self.id = id
        self.world = world
        self.record = record
    }

    var isDead: Bool { if case .dead = state { true } else { false } }

    func step() {
        guard let coordinator = world.bench?.coordinator, waitingSince != world.starts else { return }
        switch state {
        case .new: initialize(coordinator, expected: nil)
        case .ready:
            if world.random.chance(10) { return initialize(coordinator, expected: producer) }
            transaction = record.transactions.count
            record.transactions.append(Record.Transaction())
            partitions = []
            state = .open
        case .open: stepInTransaction(coordinator)
        case .ending(let commit): end(coordinator, commit: commit)
        case .dead: break
        }
    }

    private func stepInTransaction(_ coordinator: TransactionCoordinator) {
        if let partition = partitions.randomElement(using: &world.random), world.random.chance(50) {
            switch world.produce(transaction, id, producer, partition) {
            case .none, .notEnoughReplicas: break
            default: die()
            }
        } else if !partitions.isEmpty, world.random.chance(40) {
            record.transactions[transaction].batches = world.syncData(transaction)
            let commit = world.random.chance(60)
            record.transactions[transaction].askedForCommit = commit
            state = .ending(commit: commit)
        } else {
            let index = Int32.random(in: 0...3, using: &world.random)
            let partition = index == 3 ? TransactionCoordinator.offsetsPartition : TopicPartition("data", index)
            let reply = once { [self] (error: ErrorCode) in
                guard goesOn(error), !partitions.contains(partition) else { return }
                partitions.append(partition)
            }
            coordinator.add([partition], to: id, producer: producer, reply: reply)
        }
    }

    private func initialize(_ coordinator: TransactionCoordinator, expected: Producer?) {
        let reply = once { [self] (result: Result<Producer, ErrorCode>) in
            switch result {
            case .failure(let error): _ = goesOn(error)
            case .success(let given): accept(given, expected: expected)
            }
        }
        let timeout = Int32.random(in: 5_000...20_000, using: &world.random)
        coordinator.initialize(id, timeoutMs: timeout, expected: expected, reply: reply)
    }

    private func accept(_ given: Producer, expected: Producer?) {
        if let last = record.given[id], given.id == last.id {
            if given.epoch <= last.epoch { Issue.record("\(id) was given \(given) after \(last)") }
        } else if !record.producerIDs.insert(given.id).inserted {
            Issue.record("\(id) was given \(given), which another one has")
        }
        record.given[id] = given
        producer = given
        state = .ready
    }

    private func end(_ coordinator: TransactionCoordinator, commit: Bool) {
        let reply = once { [self] (error: ErrorCode) in
            guard goesOn(error) else { return }
            record.transactions[transaction].told = commit
            record.ended += 1
            state = .ready
        }
        coordinator.end(id, producer: producer, commit: commit, reply: reply)
    }

    /// Whether the request was done.
    private func goesOn(_ error: ErrorCode) -> Bool {
        switch error {
        case .none: return true
        case .concurrentTransactions, .coordinatorNotAvailable, .coordinatorLoadInProgress: return false
        default:
            die()
            return false
        }
    }

    private func die() {
        record.fenced += 1
        state = .dead
    }

    /// Takes one answer, and none that comes out of a broker that is dead.
    private func once<Value>(_ action: @escaping (Value) -> Void) -> (Value) -> Void {
        let start = world.starts
        waitingSince = start
        var answers = 0
        return { [self] value in
            answers += 1
            if answers > 1 { Issue.record("a request of \(id) was answered again") }
            guard start == world.starts else { return }
            waitingSince = nil
            action(value)
        }
    }

    /// Whether a request waits although nothing stands in its way.
    var isStuck: Bool { waitingSince == world.starts }
}
