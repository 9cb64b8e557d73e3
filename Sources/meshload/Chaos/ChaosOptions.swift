import Envelopes
import FoundationEssentials
import Kafka
import MeshRuntime
import Terminal

/// What the command line says about chaos runs.
struct ChaosOptions: Sendable {
    let scenarios: [Scenario]
    let modes: [DeliveryMode]
    let seeds: ClosedRange<UInt64>
    /// How long each run's load lasts.
    let seconds: Int
    /// Requests a second.
    let rate: Int
    /// The Kafka that is named from outside; nil: each run starts a broker of its own.
    let foreign: ClientSettings?
    /// How long a partition with lag may stand still after the faults.
    let stallSeconds: Double
    /// How long the end may take after the load.
    let quietSeconds: Double
    /// How long a bot's end may take after SIGTERM.
    let endSeconds: Double
    let catalogue: String
    /// The preload that shifts clocks.
    let clockLibrary: String
    let isPlanOnly: Bool
    /// Whether the directory of a run that passed is kept too.
    let keeps: Bool
    /// What a command needs to do one of the runs again, beside its scenario, mode and seed.
    let repeated: [String]
    /// The environment that the bots get: how to log in to a Kafka from outside.
    let environment: [String: String]

    init(_ invocation: Invocation) throws {
        scenarios = Scenario(rawValue: invocation["scenario"] ?? "").map { [$0] } ?? Scenario.allCases
        let mode = invocation["mode"] ?? ""
        modes = DeliveryMode(rawValue: mode).map { [$0] } ?? DeliveryMode.allCases
        seeds = try Self.seeds(invocation["seed"] ?? "1")
        seconds = try invocation.number("duration", in: 3...86_400)
        rate = try invocation.number("rate", in: 1...100_000)
        stallSeconds = Double(try invocation.number("stall-limit", in: 1...3_600))
        quietSeconds = Double(try invocation.number("quiet-limit", in: 1...3_600))
        endSeconds = Double(try invocation.number("end-limit", in: 1...3_600))
        catalogue = invocation["topics"] ?? "topics"
        clockLibrary = Invocation.absolute(invocation["clock-library"])
        keeps = invocation.has("keep")
        isPlanOnly = invocation.has("plan")
        // Each bot reads it. What is wrong with it is told here, not by bots that end at once.
        if !isPlanOnly {
            _ = try EventCatalogue.bench(catalogue, input: BenchRequest.type, output: BenchResponse.type, owner: ChaosBot.contract.name)
        }
        foreign = invocation.namesKafka ? try invocation.client() : nil
        environment = invocation.namesKafka ? ClientSettings.environmentForChild(of: invocation.environment) : [:]
        repeated = Self.repeated(invocation, brokers: foreign?.bootstrapServers)
    }

    /// What was said beside what chooses one run: its flags with values that are not the default ones, and the Kafka that the environment names.
    static func repeated(_ invocation: Invocation, brokers: String?) -> [String] {
        invocation.command.flags.filter { $0.value != nil && !["scenario", "mode", "seed"].contains($0.name) }.flatMap { flag in
            let value = flag.name == "brokers" ? brokers : invocation[flag.name]
            return value.flatMap { $0 == flag.defaultValue ? nil : ["--\(flag.name)", $0] } ?? []
        }
    }

    /// `7`, or `1..20`.
    private static func seeds(_ text: String) throws(UsageError) -> ClosedRange<UInt64> {
        let ends = text.split(separator: "..", omittingEmptySubsequences: false).map { UInt64($0) }
        guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first <= last else {
            throw UsageError("--seed takes a number, or a first and a last one like 1..20, not '\(text)'")
        }
        return first...last
    }

    /// Why a scenario cannot be run here; nil where it can, and where it is not to be: a plan needs nothing, and so nothing is tried.
    func obstacle(_ scenario: Scenario) throws -> String? {
        if isPlanOnly { return nil }
        if foreign != nil, let reason = scenario.foreignObstacle { return "the broker is not ours: \(reason)" }
        switch scenario {
        case .diskFull: return try SmallDisk.obstacle() ?? memoryObstacle()
        case .stateDisk: return SmallDisk.obstacle() ?? BotDisk.obstacle()
        case .clock:
            guard FileManager.default.fileExists(atPath: clockLibrary) else {
                return "there is no '\(clockLibrary)'; make .build/loadtest/clock.so builds it"
            }
            return nil
        default: return nil
        }
    }

    /// The broker's disk is memory, and is filled.
    private func memoryObstacle() throws -> String? {
        let wanted = ChaosPlanner.plan(.diskFull, .exactlyOnce, seed: seeds.lowerBound, seconds: seconds, rate: rate).brokerDiskMebibytes
        let available = try KernelFigures(path: "/proc/meminfo").kibibytes("MemAvailable")
        return wanted <= available >> 11
            ? nil : "a disk for \(seconds) s of load takes \(wanted) MiB of memory, more than half of what is free; make --duration shorter"
    }
}
