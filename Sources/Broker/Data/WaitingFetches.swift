import KafkaProtocol

/// Fetches that wait for records, by the partitions that they wait for. On the broker's thread.
final class WaitingFetches {
    /// Tries again; true when that answered the client.
    typealias Attempt = (_ isLast: Bool) -> Bool

    private struct Waiter {
        let partitions: [TopicPartition]
        let attempt: Attempt
        let timer: TimerID
    }

    private let scheduler: any Scheduler
    /// Runs something when everything that is at hand now is done.
    private let later: (@escaping () -> Void) -> Void
    private var waiters: [Int: Waiter] = [:]
    private var byPartition: [TopicPartition: Set<Int>] = [:]
    private var advanced: Set<TopicPartition> = []
    private var last = 0

    init(scheduler: any Scheduler, later: @escaping (@escaping () -> Void) -> Void) {
        self.scheduler = scheduler
        self.later = later
    }

    var count: Int { waiters.count }

    func add(for partitions: [TopicPartition], atMost milliseconds: Int64, _ attempt: @escaping Attempt) {
        last += 1
        let id = last
        let timer = scheduler.schedule(after: milliseconds) { [unowned self] in
            remove(id)
            _ = attempt(true)
        }
        waiters[id] = Waiter(partitions: partitions, attempt: attempt, timer: timer)
        for partition in partitions { byPartition[partition, default: []].insert(id) }
    }

    /// More of the partition can be read. Many appends that come together wake a waiter once.
    func advance(_ partition: TopicPartition) {
        guard byPartition[partition] != nil else { return }
        if advanced.isEmpty { later { [unowned self] in wake() } }
        advanced.insert(partition)
    }

    private func wake() {
        var woken: Set<Int> = []
        for partition in advanced { woken.formUnion(byPartition[partition] ?? []) }
        advanced = []
        for id in woken.sorted() {
            guard let waiter = waiters[id], waiter.attempt(false) else { continue }
            scheduler.cancel(waiter.timer)
            remove(id)
        }
    }

    private func remove(_ id: Int) {
        guard let waiter = waiters.removeValue(forKey: id) else { return }
        for partition in waiter.partitions {
            byPartition[partition]?.remove(id)
            if byPartition[partition]?.isEmpty == true { byPartition[partition] = nil }
        }
    }
}
