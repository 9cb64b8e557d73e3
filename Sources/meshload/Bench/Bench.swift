import FoundationEssentials
import Glibc
import Terminal

/// Measures the relays beside each other against one broker. docs/benchmarks.md has the method.
struct Bench {
    /// One thing that is measured; each has a section of its own in the document.
    enum Measure: String, CaseIterable {
        case throughput, latency, scaling, keys, start, memory

        /// The switch that asks for it; none for what is measured when no switch is given.
        var flag: Flag? {
            switch self {
            case .throughput: nil
            case .latency: Flag("latency", help: "measure the time from request to result at 1,000 records a second")
            case .scaling: Flag("scaling", help: "measure the throughput of 1, 2, 4 and 8 replicas")
            case .keys: Flag("keys-curve", help: "measure the throughput with 10, 1,000 and 100,000 keys")
            case .start: Flag("start", help: "measure the time from a start to the first result")
            case .memory: Flag("memory", help: "measure a bot's memory, idle and before 1,000,000 requests that take a second each")
            }
        }

        /// Who takes part, of those that can run; nobody where it is about bots of another kind.
        var wanted: [Contestant] {
            switch self {
            case .throughput: Contestant.allCases
            case .latency: [.bare, .atLeastOnce]
            case .scaling: [.atLeastOnce, .exactlyOnce]
            case .keys, .start: [.bare, .atLeastOnce, .exactlyOnce]
            case .memory: []
            }
        }
    }

    static func command(brokers: Flag) -> Command {
        Command(
            "bench", summary: "measure the relay beside a bare loop in C and one in Python",
            discussion: """
                Without a switch it measures throughput: all contestants read the same requests, one after the other, in an order that rotates from round
                to round; what they wrote is counted from outside. The exit status is 1 when a contestant lost or repeated something, or a bot takes more memory than is promised.
                """,
            flags: [
                brokers, Flag("records", value: "N", default: "500000", help: "requests of each run"),
                Flag("keys", value: "K", default: "1000", help: "how many repositories they are spread over"),
                Flag("size", value: "BYTES", default: "420", help: "of a request's value, at least"),
                Flag("rounds", value: "R", default: "5", help: "how often each contestant runs"),
                Flag(
                    "only", value: "CONTESTANT", choices: Contestant.allCases.map(\.rawValue), repeats: true,
                    help: "run only this one; may be given several times"),
                Flag(
                    "warm-memory", value: "MIB", default: "4096",
                    help: "free memory to keep from being given back to a hypervisor, at most half of what is available; 0: none"),
                Flag("seconds", value: "S", default: "30", help: "of each measurement of latency"),
            ] + Measure.allCases.compactMap(\.flag) + [
                Flag("all", help: "measure throughput and all that the other switches name"),
                Flag("write", value: "FILE", help: "put the figures into the marked sections of this file too"),
                Flag("directory", value: "DIR", help: "for gigabytes of the broker's data; if absent, the system's for temporary files"),
                Flag("meshbroker", value: "PROGRAM", help: "the broker to start; if absent, the one beside this program"),
                Flag("bare", value: "PROGRAM", default: ".build/loadtest/relay", help: "the loop in C"),
                Flag("python", value: "PROGRAM", default: ".build/loadtest/python/bin/python3", help: "a Python that has the client"),
                Flag("python-relay", value: "FILE", default: "loadtest/python/relay.py", help: "the relay in Python"),
                Flag("topics", value: "DIR", environment: "MESH_TOPICS_DIR", default: "topics", help: "the event catalogue"),
            ], run: { invocation in try Bench(invocation).run() })
    }

    private let options: BenchOptions
    private let measures: [Measure]
    private let document: MarkedDocument?

    init(_ invocation: Invocation) throws {
        options = try BenchOptions(invocation)
        let asked = Measure.allCases.filter { measure in measure.flag.map { invocation.has($0.name) } ?? false }
        let measures = invocation.has("all") ? Measure.allCases : asked.isEmpty ? [.throughput] : asked
        self.measures = measures
        for measure in measures where !measure.wanted.isEmpty && options.contestants(of: measure).isEmpty {
            let names = measure.wanted.map(\.rawValue).joined(separator: ", ")
            throw UsageError("\(measure.rawValue) is measured of \(names), and none of them is chosen and can run")
        }
        if invocation["write"] != nil, !invocation.all("only").isEmpty {
            throw UsageError("--write replaces whole sections: with --only they would lack the others")
        }
        // Before anything is measured: hours of work must not end on a missing mark.
        document = try invocation["write"].map { try MarkedDocument(path: $0, sections: measures.map(\.rawValue)) }
    }

    func run() throws -> Int32 {
        Interruption.watch()
        try options.client?.checkReachable()
        let warm = try WarmMemory(options.warmBytes)
        defer { withExtendedLifetime(warm) {} }
        say("\((warm?.size ?? 0) >> 20) MiB of free memory warmed of \(options.warmBytes >> 20) wanted")
        let (ground, interruption) = try Interruption.add(making: { try BenchGround(options) }, undo: { $0.abandon() })
        defer {
            Interruption.remove(interruption)
            ground.close()
        }
        let machine = try Machine(ground)
        var figures: [(String, any CustomStringConvertible)] = []
        var faults: [String] = []
        for measure in measures {
            let report = try measured(measure, on: ground)
            let text = machine.text + "\n\n" + report.text + report.faults.map { "\nNot right: \($0).\n" }.joined()
            Terminal.write(text + "\n", to: STDOUT_FILENO)
            try document?.replace(measure.rawValue, with: text)
            figures += report.figures
            faults += report.faults
        }
        for fault in faults { say("not right: \(fault)") }
        sayResult([("ok", faults.isEmpty), ("void", faults.count)] + figures)
        return faults.isEmpty ? 0 : 1
    }

    private func measured(_ measure: Measure, on ground: BenchGround) throws -> BenchReport {
        switch measure {
        case .throughput: try Throughput(options).measure(on: ground)
        case .latency: try Latency(options).measure(on: ground)
        case .scaling: try Scaling(options).measure(on: ground)
        case .keys: try KeysCurve(options).measure(on: ground)
        case .start: try StartTime(options).measure(on: ground)
        case .memory: try MemoryUse(options).measure(on: ground)
        }
    }

    /// Says how far it is.
    static func say(_ text: String) { Terminal.write("bench: \(text)\n", to: STDERR_FILENO) }
    private func say(_ text: String) { Self.say(text) }
}

/// What one measure brought.
struct BenchReport {
    /// Tables in markdown.
    let text: String
    /// For the result line.
    var figures: [(String, any CustomStringConvertible)] = []
    /// Runs that do not count, and why; what is not as promised.
    var faults: [String] = []
}
