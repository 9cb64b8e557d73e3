import BotKit
import Envelopes
import Glibc
import Kafka
import MeshRuntime
import Synchronization
import Telemetry
import Terminal
import Topology

/// Runs BenchBot as `meshbot` runs any bot, until so many results are acknowledged.
struct Relay {
    private let client: ClientSettings
    private let input: EventType
    private let output: EventType
    private let count: Int
    private let group: String
    private let mode: DeliveryMode
    private let replica: Int
    private let catalogue: EventCatalogue

    init(_ invocation: Invocation) throws {
        var client = try invocation.client()
        if let linger = try invocation.integer("linger", in: 0...900_000) { client["linger.ms"] = "\(linger)" }
        self.client = client
        replica = try invocation.number("replica", in: 1...1_000)
        input = EventType(invocation["in"] ?? "")
        output = EventType(invocation["out"] ?? "")
        for type in [input, output] where !type.isLegal { throw UsageError("'\(type)' is no event type") }
        count = try invocation.number("count", in: 1...1_000_000_000)
        group = invocation["group"] ?? "BenchBot"
        mode = DeliveryMode(rawValue: invocation["mode"] ?? "") ?? .exactlyOnce
        var catalogue = try CatalogueLoader.load(directory: invocation["topics"] ?? "topics")
        for (name, like) in [(input, BenchRequest.type), (output, BenchResponse.type)] {
            guard var definition = catalogue[like] else { throw UsageError("the event catalogue has no \(like)") }
            definition.type = name
            definition.owner = group
            catalogue.add(definition)
        }
        self.catalogue = catalogue
    }

    func run() throws -> Int32 {
        let settings: RuntimeSettings = {
            var settings = RuntimeSettings(bot: group, replica: replica)
            settings.delivery = mode
            return settings
        }()
        try Topics.ensure(
            [input.name, output.name, settings.topics.retry, settings.topics.deadLetters, BotCapabilities.type.name, "mesh.audit"],
            compacted: [settings.topics.state, "mesh.control", "mesh.instances"], client)
        let tally = Tally(target: count)
        var options = ProcessOptions(
            settings: settings, client: client,
            configuration: BotConfiguration(name: group, monitoring: BotConfiguration.Monitoring(logLevel: .warn)), catalogue: catalogue,
            performers: CallPerformers(), logger: Logger(bot: group, instance: settings.instance, level: .warn, format: .text))
        options.watcher = { tally.add($0) }
        try BotProcess.run(BenchBot(name: group, input: input, output: output), options)
        return tally.say()
    }
}

/// What was settled, and when. Latencies are counted in milliseconds, so that any number of them takes bounded memory.
private final class Tally: Sendable {
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

    /// Writes the result line; the status is 1 when a record failed or too few came.
    func say() -> Int32 {
        figures.withLock { figures in
            let seconds = Double(figures.last - (figures.first ?? figures.last)) / 1_000
            var usage = rusage()
            getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
            let messages = figures.done + figures.failed
            sayResult([
                ("messages", messages), ("acked", figures.done), ("failed", figures.failed), ("seconds", rounded(seconds)),
                ("rate", rounded(Double(messages) / max(seconds, 0.001), 1)), ("p50_ms", percentile(0.5, figures)),
                ("p99_ms", percentile(0.99, figures)), ("max_rss_mb", rounded(Double(usage.ru_maxrss) / 1_024, 10)),
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
