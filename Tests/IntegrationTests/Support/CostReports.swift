import Envelopes
import Glibc
import Kafka
import MeshTesting
import Synchronization

/// A load: writes records for CountBot until it is stopped, and remembers how many the broker has taken.
final class CostReports: Sendable {
    /// Answers each record with one event.
    static let countBot = """
        bot: { name: CountBot, version: "1.0.0", enabled: true, description: Counts, category: operations }
        triggers: [ { type: event, pattern: cost.report } ]
        actions:
          - name: tell
            type: message
            command: send_notification
            parameters: { title: seen, text: seen, severity: info, channels: [console] }
        """

    private let isStopped = Atomic(false)
    private let acknowledged = Atomic(0)
    private let failure = Mutex<String?>(nil)
    private let isOver = Atomic(false)

    /// So many records ten times a second, of fifty keys in turn.
    init(_ settings: ClientSettings, of count: Int = 50) {
        DedicatedThread.start(name: "load") { [self] in
            do {
                let producer = try Producer(settings)
                defer { producer.close() }
                var next = 0
                while !isStopped.load(ordering: .relaxed) {
                    let records = (next..<next + count).map { number in
                        OutgoingRecord(topic: "cost.report", key: Array("key-\(number % 50)".utf8), value: Array(#"{"payload":{}}"#.utf8))
                    }
                    for delivery in try producer.sendAndWait(records) { if let error = delivery.error { throw error } }
                    next += count
                    acknowledged.add(records.count, ordering: .relaxed)
                    usleep(100_000)
                }
            } catch {
                failure.withLock { $0 = "\(error)" }
            }
            isOver.store(true, ordering: .relaxed)
        }
    }

    /// Stops it; gives how many records there are.
    func stop() async throws -> Int {
        isStopped.store(true, ordering: .relaxed)
        try await eventually("the load to end", within: .seconds(120)) { isOver.load(ordering: .relaxed) }
        if let failure = failure.withLock({ $0 }) { throw MeshUnderTest.NotStarted(description: failure) }
        return acknowledged.load(ordering: .relaxed)
    }
}
