import FoundationEssentials
import Kafka
import Terminal

/// What is measured and with what.
struct BenchOptions {
    let records: Int
    let keys: Int
    let size: Int
    let rounds: Int
    /// Of one measurement of latency.
    let seconds: Int
    /// See `WarmMemory`.
    let warmBytes: Int
    let contestants: [Contestant]
    let programs: ContestantPrograms
    /// nil: a broker is started.
    let client: ClientSettings?
    let brokerProgram: String
    let directory: String?

    init(_ invocation: Invocation) throws {
        records = try invocation.number("records", in: 1...100_000_000)
        keys = try invocation.number("keys", in: 1...10_000_000)
        size = try invocation.number("size", in: 0...250_000)
        rounds = try invocation.number("rounds", in: 1...1_000)
        seconds = try invocation.number("seconds", in: 1...3_600)
        warmBytes = try invocation.number("warm-memory", in: 0...1_048_576) << 20
        let only = Set(invocation.all("only"))
        let chosen = Contestant.allCases.filter { only.isEmpty || only.contains($0.rawValue) }
        programs = ContestantPrograms(
            meshload: try Executable.own(), bare: Invocation.absolute(invocation["bare"]),
            python: Invocation.absolute(invocation["python"]), pythonRelay: Invocation.absolute(invocation["python-relay"]),
            catalogue: Invocation.absolute(invocation["topics"]), environment: invocation.environment)
        var present: [Contestant] = []
        for contestant in chosen {
            if let missing = programs.missing(for: contestant) {
                Bench.say("left out: \(contestant.rawValue): \(missing)")
            } else {
                present.append(contestant)
            }
        }
        contestants = present
        client = invocation.namesKafka ? try invocation.client() : nil
        brokerProgram = try invocation["meshbroker"].map(Invocation.absolute) ?? Executable.neighbour("meshbroker")
        directory = invocation["directory"]
        var isDirectory = false
        if let directory, !FileManager.default.fileExists(atPath: directory, isDirectory: &isDirectory) || !isDirectory {
            throw UsageError("--directory: there is no directory \(directory)")
        }
        guard !contestants.isEmpty else { throw UsageError("no contestant can run; make bench builds them all") }
    }

    /// Those that it wants, can run and were not excluded.
    func contestants(of measure: Bench.Measure) -> [Contestant] { contestants.filter(measure.wanted.contains) }
}
