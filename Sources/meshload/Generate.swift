import Dispatch
import Envelopes
import Glibc
import Kafka
import Synchronization
import Terminal

/// Writes requests: valid envelopes, keyed by repository.
struct Generate {
    private let client: ClientSettings
    private let topic: EventType
    private let count: Int
    private let keys: Int
    private let size: Int
    private let rate: Int?

    init(_ invocation: Invocation) throws {
        client = try invocation.client()
        topic = try invocation.eventType("topic")
        count = try invocation.number("count", in: 1...1_000_000_000)
        keys = try invocation.number("keys", in: 1...10_000_000)
        size = try invocation.number("size", in: 0...250_000)
        rate = try invocation.integer("rate", in: 1...10_000_000)
    }

    func run() throws -> Int32 {
        // Nothing is to be flushed before: whoever interrupts it then need not wait.
        Interruption.watch()
        try Topics.ensure([topic.name], client)
        let producer = try Producer(client, ProducerSettings(linger: .milliseconds(5), keepsOnlyFailures: true))
        defer { producer.close(timeout: .seconds(2)) }
        let halt = Halt()
        let interruption = Interruption.add { halt.ask() }
        let isWhole = write(producer, until: halt)
        halt.done()
        Interruption.remove(interruption)
        return isWhole ? 0 : 1
    }

    /// Writes all, or until it is to stop, waits for what is under way, and says what came of it; whether all are acknowledged.
    private func write(_ producer: Producer, until halt: Halt) -> Bool {
        var requests = RequestWriter(topic: topic.name, keys: keys, size: size, last: count - 1)
        let start = uptimeSeconds()
        var (sent, failed) = (0, 0)
        do {
            while sent < count {
                pace(sent, since: start)
                if halt.isAsked { break }
                try producer.send(requests.record(sent), patience: .seconds(60))
                if sent & 1023 == 0 { failed += producer.deliveries().count }
                sent += 1
            }
            try producer.flush(timeout: .seconds(90))
        } catch {
            Terminal.write("meshload: \(error)\n", to: STDERR_FILENO)
        }
        let seconds = uptimeSeconds() - start
        failed += producer.deliveries().count + producer.queuedRecords
        let acked = sent - failed
        sayResult([
            ("sent", sent), ("acked", acked), ("failed", failed), ("seconds", rounded(seconds)),
            ("rate", rounded(Double(acked) / max(seconds, 1e-9), 1)),
        ])
        return acked == count
    }

    /// Waits until the record's time has come.
    private func pace(_ number: Int, since start: Double) {
        guard let rate else { return }
        let wait = start + Double(number) / Double(rate) - uptimeSeconds()
        if wait > 0.001 { usleep(UInt32(min(wait * 1e6, 999_999))) }
    }
}

/// An interruption that lets what is under way come to its end. Any thread.
private final class Halt: Sendable {
    private let flag = Atomic(false)
    private let end = DispatchSemaphore(value: 0)

    var isAsked: Bool { flag.load(ordering: .relaxed) }

    /// Asks for the end, and waits for it. Blocks.
    func ask() {
        flag.store(true, ordering: .relaxed)
        end.wait()
    }

    func done() { end.signal() }
}
