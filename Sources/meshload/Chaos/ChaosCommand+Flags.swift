import BotKit
import MeshRuntime
import Terminal

extension ChaosCommand {
    /// The command's declaration.
    static func command(brokers: Flag) -> Command {
        Command(
            "chaos", summary: "start a mesh, keep a load on it, do it harm, heal it, and check what came of it",
            discussion:
                "The same scenario, mode, seed, duration and rate do the same at the same times. docs/chaos.md says what each proves.",
            flags: [
                brokers,
                Flag(
                    "scenario", value: "NAME", default: "all", choices: ["all"] + Scenario.allCases.map(\.rawValue),
                    help: "what harm is done"),
                Flag("seed", value: "N", default: "1", help: "a number, or a first and a last one: 1..20"),
                Flag("duration", value: "S", default: "20", help: "seconds of load and faults"),
                Flag("rate", value: "R", default: "300", help: "requests a second"),
                Flag(
                    "mode", value: "MODE", default: DeliveryMode.exactlyOnce.rawValue,
                    choices: DeliveryMode.allCases.map(\.rawValue) + ["both"], help: "what is promised of each request's result"),
                Flag(
                    "stall-limit", value: "S", default: "\(Int(ChaosPlan.stallSeconds))",
                    help: "how long a partition with lag may stand still after the faults"),
                Flag("quiet-limit", value: "S", default: "90", help: "how long the end may take after the load"),
                Flag(
                    "end-limit", value: "S", default: "27",
                    help: "how long a bot's end may take after SIGTERM; after a second one 24 s less, but 3 s at least"),
                Flag(
                    "clock-library", value: "FILE", environment: "MESH_CLOCK_LIBRARY", default: ".build/loadtest/clock.so",
                    help: "the preload of loadtest/clock"),
                Flag("keep", help: "keep the broker's data and all logs of runs that passed too"),
                Flag("plan", help: "print the plans and do nothing"),
                Flag("topics", value: "DIR", environment: "MESH_TOPICS_DIR", default: "topics", help: "the event catalogue"),
            ],
            run: { invocation in
                var command = try ChaosCommand(invocation)
                return try command.run()
            })
    }
}

extension ChaosBotCommand {
    /// The command's declaration.
    static func command(brokers: Flag, input: Flag, output: Flag, mode: Flag) -> Command {
        Command(
            "chaos-bot", summary: "run one bot of a chaos run until it is told to end",
            flags: [
                brokers, input, output, mode,
                Flag("group", value: "GROUP", default: "ChaosBot", help: "the bot's name, and so its consumer group"),
                Flag("replica", value: "N", default: "1", help: "its slot"),
                Flag("call-ms", value: "MS", help: "each request takes a call that takes so long; none without it"),
                Flag("handle-ms", value: "MS", help: "how long the decision on each hundredth request takes; no time without it"),
                Flag("poll-limit", value: "S", default: "60", help: "max.poll.interval.ms, in seconds"),
                Flag(
                    "retry", value: "MODE", default: RetryPolicy.Mode.topic.rawValue,
                    choices: [RetryPolicy.Mode.topic, .inPlace].map(\.rawValue), help: "how what failed is tried again"),
                Flag("transient", value: "N", default: "0", help: "of a thousand requests, so many fail at first"),
                Flag("totals", help: "count the requests of each key instead"),
                Flag("state-dir", value: "DIR", help: "where a copy of its state is kept; nowhere without it"),
                Flag("dependency", value: "FILE", help: "calls fail while this file is there"),
                Flag("topics", value: "DIR", environment: "MESH_TOPICS_DIR", default: "topics", help: "the event catalogue"),
            ], run: { invocation in try ChaosBotCommand(invocation).run() })
    }
}
