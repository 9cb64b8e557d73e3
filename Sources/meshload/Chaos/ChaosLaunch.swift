import FoundationEssentials
import Kafka
import LocalBroker
import MeshRuntime

/// How the processes of a run are started.
struct ChaosLaunch: Sendable {
    static let downFile = "dependency-is-down"
    /// The slot of the bot that reads the results; nobody harms it.
    static let downstreamSlot = 0
    static func clockFile(_ slot: Int) -> String { "clock-\(slot)" }
    static func clientID(_ slot: Int) -> String { "chaos-bot-\(slot)" }
    static func log(_ slot: Int) -> String { "bot-\(slot).log" }

    private let workspace: Workspace
    private let program: String
    private let arguments: [String]
    /// Those of the bot that reads the results.
    private let downstream: [String]
    private let environment: [String: String]
    private let clockLibrary: String?
    private let disk: BotDisk?

    /// `brokers` is the address that the bots get; `disk` where they keep copies of their states, if anywhere.
    init(
        _ plan: ChaosPlan, _ options: ChaosOptions, _ workspace: Workspace, _ topics: ChaosTopics, brokers: String, disk: BotDisk?
    ) throws {
        self.workspace = workspace
        self.disk = disk
        program = try Executable.own()
        func words(_ topics: ChaosTopics, _ mode: DeliveryMode) -> [String] {
            [
                "chaos-bot", "--brokers", brokers, "--in", topics.input, "--out", topics.output, "--group", topics.group, "--mode",
                mode.rawValue, "--topics", options.catalogue,
            ]
        }
        downstream = words(topics.downstream, .exactlyOnce)
        var arguments = words(topics, plan.mode)
        if let milliseconds = plan.callMilliseconds { arguments += ["--call-ms", "\(milliseconds)"] }
        if let milliseconds = plan.handleMilliseconds { arguments += ["--handle-ms", "\(milliseconds)"] }
        arguments += ["--poll-limit", "\(plan.pollSeconds)", "--retry", plan.retry.rawValue]
        if plan.load.transientPerMille > 0 { arguments += ["--transient", "\(plan.load.transientPerMille)"] }
        if plan.scenario.countsKeys { arguments += ["--totals"] }
        if let disk { arguments += ["--state-dir", disk.directory] }
        if plan.scenario == .dependency { arguments += ["--dependency", workspace.file(Self.downFile)] }
        self.arguments = arguments
        environment = options.environment.merging(["PATH": "/usr/bin:/bin"]) { $1 }
        clockLibrary = plan.scenario == .clock ? options.clockLibrary : nil
        if clockLibrary != nil { for slot in 1...plan.bots { try ClockShift.set(0, Self.clockFile(slot), in: workspace) } }
    }

    func launch(_ slot: Int) -> ChildProcess.Launch {
        var environment = environment
        environment["KAFKA_CLIENT_ID"] = Self.clientID(slot)
        if let clockLibrary, slot != Self.downstreamSlot {
            environment["LD_PRELOAD"] = clockLibrary
            environment["CLOCK_SHIFT_FILE"] = workspace.file(Self.clockFile(slot))
        }
        let launch = ChildProcess.Launch(
            program: program,
            arguments: slot == Self.downstreamSlot ? downstream : arguments + ["--replica", "\(slot)"], environment: environment,
            output: .file(workspace.file(Self.log(slot))))
        return disk?.entered(by: launch) ?? launch
    }
}

/// The programs beside this one.
enum Executable {
    /// The path of this program.
    static func own() throws -> String { try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") }

    static func neighbour(_ name: String) throws -> String {
        let own = try own()
        guard let slash = own.lastIndex(of: "/") else { throw LoadFailure("\(own) has no directory") }
        return own[...slash] + name
    }
}
