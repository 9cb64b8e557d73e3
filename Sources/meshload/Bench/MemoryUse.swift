import FoundationEssentials
import Kafka
import LocalBroker
import MeshRuntime

/// What a bot holds in memory: with nothing to do, and before a long backlog whose every record takes a second.
struct MemoryUse {
    private static let backlog = 1_000_000
    private static let workMilliseconds = 1_000
    /// What is promised, in megabytes (docs/guarantees.md).
    private static let (idleLimit, backlogLimit) = (25.0, 150.0)
    private let options: BenchOptions

    init(_ options: BenchOptions) { self.options = options }

    func measure(on ground: BenchGround) throws -> BenchReport {
        _ = try ChaosTopics.prepare(ground.client)
        let idle = BenchInput(topic: ground.requests("idle"), count: 1, keys: 1, size: options.size)
        let full = BenchInput(topic: ground.requests("full"), count: Self.backlog, keys: 100_000, size: options.size)
        try idle.fill(on: ground)
        try full.fill(on: ground)
        var rows: [[String]] = []
        var faults: [String] = []
        for mode in [DeliveryMode.atLeastOnce, .exactlyOnce] {
            let quiet = try use(mode, idle.topic, callMilliseconds: nil, on: ground)
            let busy = try use(mode, full.topic, callMilliseconds: Self.workMilliseconds, on: ground)
            faults += Self.excess(quiet.resident, Self.idleLimit, "\(mode.rawValue), idle")
            faults += Self.excess(busy.highest, Self.backlogLimit, "\(mode.rawValue), with the backlog")
            rows.append([mode.rawValue, Self.megabytes(quiet.resident), Self.megabytes(quiet.own), Self.megabytes(busy.highest)])
        }
        try ground.delete([idle.topic, full.topic])
        let table = BenchTable.markdown(["mode", "idle, MB", "of it its own, not mapped files", "highest with the backlog, MB"], rows)
        return BenchReport(
            text:
                "After \(options.seconds) s; \(Self.backlog) requests, each a call of \(Self.workMilliseconds) ms, 500 at a time.\n\n\(table)\n",
            faults: faults)
    }

    private static func excess(_ kibibytes: Int, _ limit: Double, _ what: String) -> [String] {
        Double(kibibytes) * 1_024 / 1e6 <= limit
            ? [] : ["memory: \(what): \(megabytes(kibibytes)) MB, more than the \(Int(limit)) that are promised"]
    }

    private func use(_ mode: DeliveryMode, _ input: String, callMilliseconds: Int?, on ground: BenchGround) throws -> ProcessMemory {
        let name = "m_\(mode == .exactlyOnce ? "eo" : "alo")_\(callMilliseconds ?? 0)"
        let job = RelayJob(input: input, output: ground.responses(name), count: 1, group: ground.group(name), warm: 0)
        try ground.makeTopics(of: .exactlyOnce, job)
        let child = try ground.start(
            ChildProcess.Launch(
                program: options.programs.meshload,
                arguments: [
                    "chaos-bot", "--brokers", ground.client.bootstrapServers, "--in", job.input, "--out", job.output, "--group", job.group,
                    "--mode", mode.rawValue, "--topics", options.programs.catalogue,
                ] + (callMilliseconds.map { ["--call-ms", "\($0)"] } ?? []), environment: options.programs.environment,
                output: .file("\(ground.directory)/\(name).log")))
        defer { child.stop(grace: .seconds(30)) }
        guard child.wait(timeout: .seconds(options.seconds)) == nil else {
            throw LoadFailure("\(name) ended by itself: \(ground.lastWords(log: name))")
        }
        let memory = try ProcessMemory(of: child.pid)
        let results = try ground.count(of: job.output)
        guard results > 0 else { throw LoadFailure("\(name) has written no result: \(ground.lastWords(log: name))") }
        Bench.say(
            "memory: \(name): \(Self.megabytes(memory.resident)) MB, highest \(Self.megabytes(memory.highest)) MB, \(results) results")
        child.stop(grace: .seconds(30))
        try ground.removeTopics(of: .exactlyOnce, job)
        return memory
    }

    private static func megabytes(_ kibibytes: Int) -> String { BenchTable.decimal(Double(kibibytes) * 1_024 / 1e6) }
}

/// What Linux says of a process's memory, in KiB.
struct ProcessMemory {
    let resident: Int
    /// Of `resident`, what is no mapped file.
    let own: Int
    /// The most that was ever resident.
    let highest: Int

    init(of process: Int32) throws {
        let status = try KernelFigures(path: "/proc/\(process)/status")
        (resident, own, highest) = (try status.kibibytes("VmRSS"), try status.kibibytes("RssAnon"), try status.kibibytes("VmHWM"))
    }
}
