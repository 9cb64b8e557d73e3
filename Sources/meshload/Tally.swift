import Envelopes
import Glibc
import Kafka
import MeshRuntime
import Synchronization
import Terminal

/// What was settled, and when. Latencies are counted in milliseconds, so that any number of them takes bounded memory.
final class Tally: Sendable {
    private struct Figures {
        var done = 0
        var failed = 0
        var first: Int64?
        var last: Int64 = 0
        var latencies = [Int](repeating: 0, count: 600_001)
    }

    private let target: Int
    private let figures = Mutex(Figures())

    init(target: Int) { self.target = target }

    /// Whether that is enough.
    func add(_ records: [SettledRecord]) -> Bool {
        let now = Timestamp.now.milliseconds
        let uptime = Int64(uptimeSeconds() * 1_000)
        return figures.withLock { figures in
            for record in records {
                figures.first = min(figures.first ?? .max, record.takenIn.uptime)
                if !record.isDone {
                    figures.failed += 1
                    continue
                }
                figures.done += 1
                let latency = record.timestamp < 0 ? 0 : now - record.timestamp
                figures.latencies[Int(min(max(0, latency), Int64(figures.latencies.count - 1)))] += 1
            }
            figures.last = uptime
            return figures.done + figures.failed >= target
        }
    }

    /// Says where it stands when nothing has come for so many seconds, once each time: who asks for more than there is would wait without a word.
    func watch(
        _ input: EventType, patience: Double = 8,
        say: @escaping @Sendable (String) -> Void = { Terminal.write("meshload: \($0)\n", to: STDERR_FILENO) }
    ) {
        DedicatedThread.start(name: "tally-watch") { [self] in
            var (seen, since, isTold) = (-1, uptimeSeconds(), false)
            while true {
                let settled = figures.withLock { $0.done + $0.failed }
                if settled >= target { return }
                if settled != seen { (seen, since, isTold) = (settled, uptimeSeconds(), false) }
                if !isTold, uptimeSeconds() - since > patience {
                    say("\(settled) of \(target); waiting for more in \(input)")
                    isTold = true
                }
                usleep(UInt32(min(patience / 8, 0.5) * 1e6))
            }
        }
    }

    /// Writes the result line; the status is 1 when a record failed or too few came.
    func say() -> Int32 {
        figures.withLock { figures in
            let seconds = Double(figures.last - (figures.first ?? figures.last)) / 1_000
            // `getrusage` would count the memory of whoever started the process too: it is kept over `exec`.
            let peak = BotMemory.peak(of: getpid()) ?? 0
            let messages = figures.done + figures.failed
            sayResult([
                ("messages", messages), ("acked", figures.done), ("failed", figures.failed), ("seconds", rounded(seconds)),
                ("rate", rounded(Double(messages) / max(seconds, 0.001), 1)), ("p50_ms", percentile(0.5, figures)),
                ("p99_ms", percentile(0.99, figures)), ("max_rss_mb", rounded(peak, 10)),
            ])
            return figures.failed == 0 && messages >= target ? 0 : 1
        }
    }

    private func percentile(_ part: Double, _ figures: Figures) -> Int {
        var rest = Int((Double(figures.done) * part).rounded(.up))
        for (milliseconds, count) in figures.latencies.enumerated() where count > 0 {
            rest -= count
            if rest <= 0 { return milliseconds }
        }
        return 0
    }
}
