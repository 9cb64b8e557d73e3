import Dispatch
import Kafka
import Synchronization

/// Reads a topic from its beginning on a thread of its own, as the records come.
final class ResultReader: Sendable {
    private struct State {
        var isStopped = false
        var failure: (any Error)?
    }

    private let state = Mutex(State())
    private let ready = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)

    /// Returns when the reading has begun. `body` gets each record and the nanoseconds of the monotonic clock at which it came, on the reader's thread.
    init(_ topic: String, _ client: ClientSettings, body: @escaping @Sendable (Record, Int64) -> Void) throws {
        let partitions = try TopicReader.partitions(of: topic, client)
        DedicatedThread.start(name: "results") { [self] in
            do {
                try read(partitions, client, body)
            } catch {
                state.withLock { $0.failure = error }
            }
            ready.signal()
            ended.signal()
        }
        guard ready.wait(timeout: .now() + .seconds(30)) == .success else { throw LoadFailure("\(topic) cannot be read") }
        try check()
    }

    private func read(_ partitions: [TopicPartition], _ client: ClientSettings, _ body: (Record, Int64) -> Void) throws {
        let consumer = try Consumer(client, group: .none(reportsPartitionEnd: true))
        defer { consumer.close() }
        try consumer.assign(Dictionary(uniqueKeysWithValues: partitions.map { ($0, .beginning) }))
        var open = Set(partitions)
        while !state.withLock({ $0.isStopped }) {
            switch consumer.poll(timeout: .milliseconds(100)) {
            case .record(let record): body(record, uptimeNanoseconds())
            case .partitionEnd(let partition, _):
                if open.remove(partition) != nil, open.isEmpty { ready.signal() }
            case .error(let error): if error.isFatal { throw error }
            case nil: continue
            }
        }
    }

    /// Throws what ended the reading.
    func check() throws { if let failure = state.withLock({ $0.failure }) { throw failure } }

    /// Ends the reading; does nothing the second time. Blocks until the thread has let the consumer go.
    func stop() {
        state.withLock { $0.isStopped = true }
        if ended.wait(timeout: .now() + .seconds(10)) == .success { ended.signal() }
    }
}
