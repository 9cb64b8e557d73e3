import Envelopes
import Glibc
import Kafka
import Synchronization

/// Writes requests at a steady rate until it is stopped, and remembers which were acknowledged.
final class LoadStream: Sendable {
    /// A request as it was sent first.
    struct Sent: Sendable {
        let id: String
        let isPoison: Bool
        var isAcknowledged = false
    }
    private struct State {
        /// By number; nil for one that lets its successor go first.
        var sent: [Sent?] = []
        var isStopping = false
        /// Nobody wants to know what became of it.
        var isGivenUp = false
        var isDone = false
        var failure: String?
    }
    private let state = Mutex(State())
    private let plan: ChaosPlan
    private let topic: String
    private let client: ClientSettings
    /// How long the end waits for what is not acknowledged yet, in seconds.
    private let patience: Double

    init(_ plan: ChaosPlan, topic: String, client: ClientSettings, patience: Double) {
        self.patience = patience
        self.plan = plan
        self.topic = topic
        self.client = client
    }

    func start() {
        DedicatedThread.start(name: "load") { [self] in
            do { try write() } catch { state.withLock { $0.failure = "the producer cannot go on: \(error)" } }
            state.withLock { $0.isDone = true }
        }
    }

    /// Stops, and waits until everything is acknowledged or given up. What was sent, in order.
    func stop() throws -> [Sent] {
        state.withLock { $0.isStopping = true }
        while !state.withLock({ $0.isDone }) { usleep(20_000) }
        if let failure = state.withLock({ $0.failure }) { throw LoadFailure(failure) }
        return state.withLock { $0.sent.compactMap { $0 } }
    }

    /// Stops without waiting for anything.
    func giveUp() { state.withLock { ($0.isStopping, $0.isGivenUp) = (true, true) } }

    private func write() throws {
        let producer = try Producer(
            client, ProducerSettings(linger: .milliseconds(5), deliveryTimeout: .seconds(180)), observer: ClientObserver(log: { _ in }))
        defer { producer.close(timeout: .seconds(2)) }
        var shape = LoadShape(plan, topic: topic)
        let start = uptimeSeconds()
        var written = 0
        while !state.withLock({ $0.isStopping }) {
            let due = Int((uptimeSeconds() - start) * Double(plan.load.requestsPerSecond))
            while written < due {
                for request in shape.next() { try send(request, producer) }
                written += 1
            }
            collect(producer, waiting: .milliseconds(5))
        }
        for request in shape.rest() { try send(request, producer) }
        let limit = uptimeSeconds() + patience
        while producer.queuedRecords > 0, uptimeSeconds() < limit, !state.withLock({ $0.isGivenUp }) {
            collect(producer, waiting: .milliseconds(50))
        }
        collect(producer, waiting: .zero)
    }

    private func send(_ request: LoadShape.Request, _ producer: Producer) throws {
        let token = state.withLock { state in
            while state.sent.count <= request.number { state.sent.append(nil) }
            if state.sent[request.number] == nil { state.sent[request.number] = Sent(id: request.id, isPoison: request.isPoison) }
            return UInt64(request.number)
        }
        try producer.send(request.record, token: token, patience: .seconds(180))
    }

    private func collect(_ producer: Producer, waiting: Duration) {
        let deliveries = producer.deliveries(timeout: waiting)
        guard !deliveries.isEmpty else { return }
        state.withLock { state in
            for delivery in deliveries where delivery.error == nil && Int(delivery.token) < state.sent.count {
                state.sent[Int(delivery.token)]?.isAcknowledged = true
            }
        }
    }
}
