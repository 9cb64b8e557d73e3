import Glibc
import Kafka
import MeshRuntime
import Terminal

/// `meshload chaos`: runs scenarios one after another, and says of each how it ended.
struct ChaosCommand {
    private let options: ChaosOptions
    private var passed: [String] = []
    private var failed: [String] = []
    private var skipped: [String] = []

    init(_ invocation: Invocation) throws { options = try ChaosOptions(invocation) }

    mutating func run() throws -> Int32 {
        Interruption.watch()
        if !options.isPlanOnly { try options.foreign?.checkReachable() }
        for scenario in options.scenarios {
            if let reason = try options.obstacle(scenario) {
                Chaos.say("SKIPPED \(scenario.rawValue): \(reason)")
                skipped.append(scenario.rawValue)
                continue
            }
            for seed in options.seeds {
                for mode in options.modes {
                    if let reason = scenario.obstacle(mode) {
                        Chaos.say("SKIPPED \(scenario.rawValue)/\(mode.rawValue)/\(seed): \(reason)")
                        if !options.isPlanOnly { skipped.append("\(scenario.rawValue)/\(mode.rawValue)/\(seed)") }
                        continue
                    }
                    run(ChaosPlanner.plan(scenario, mode, seed: seed, seconds: options.seconds, rate: options.rate))
                }
            }
        }
        func list(_ names: [String]) -> String { "[" + names.map { "\"\($0)\"" }.joined(separator: ",") + "]" }
        sayResult([
            ("passed", passed.count), ("failed", failed.count), ("skipped", skipped.count), ("failures", list(failed)),
            ("skips", list(skipped)), ("ok", isRight),
        ])
        return isRight ? 0 : 1
    }

    /// Where all that was asked for is skipped, nothing was shown.
    private var isRight: Bool { failed.isEmpty && (options.isPlanOnly || !passed.isEmpty) }

    private mutating func run(_ plan: ChaosPlan) {
        for line in plan.lines { Chaos.say(line) }
        guard !options.isPlanOnly else { return }
        let name = "\(plan.scenario.rawValue)/\(plan.mode.rawValue)/\(plan.seed)"
        var workspace: Workspace?
        do {
            let (directory, interruption) = try Interruption.add(making: { try Workspace() }, undo: { $0.remove() })
            defer { Interruption.remove(interruption) }
            workspace = directory
            let run = try ChaosRun(plan, options, in: directory)
            let verdict = try judged(run)
            sayResult(
                [("scenario", "\"\(plan.scenario.rawValue)\""), ("mode", "\"\(plan.mode.rawValue)\""), ("seed", plan.seed)]
                    + verdict.counts + [("restarts", run.bots.restarts), ("ok", verdict.isRight)])
            guard verdict.isRight else {
                run.tellOfTopics()
                return fail(plan, name, verdict.faults, directory)
            }
            do { try run.removeTopics() } catch { Chaos.say("  the run's topics stay there: \(error)") }
            Chaos.say("PASSED \(name)")
            passed.append(name)
            guard options.keeps else { return directory.remove() }
            sayPlace(directory)
        } catch {
            fail(plan, name, ["\(error)"], workspace)
        }
    }

    private func judged(_ run: ChaosRun) throws -> ChaosVerdict {
        do {
            return try run.run()
        } catch {
            run.tellOfTopics()
            throw error
        }
    }

    private mutating func fail(_ plan: ChaosPlan, _ name: String, _ faults: [String], _ workspace: Workspace?) {
        failed.append(name)
        Chaos.say("FAILED \(name)")
        for fault in faults { Chaos.say("  \(fault)") }
        if let workspace { sayPlace(workspace) }
        Chaos.say("  the same plan again: \(plan.command(CommandLine.arguments[0], flags: options.repeated))")
    }

    private func sayPlace(_ workspace: Workspace) {
        Chaos.say("  \(options.foreign == nil ? "the broker's data and all" : "all") logs are in \(workspace.path)")
    }
}
