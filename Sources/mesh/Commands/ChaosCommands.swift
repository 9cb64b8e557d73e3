import Terminal

/// Breaking things on purpose.
enum ChaosCommands {
    private static let flags = [
        Flag("every", value: "DURATION", default: "10s", help: "between two faults; the first comes at once"),
        Flag("duration", value: "DURATION", default: "60s", help: "how long faults are made"),
        Flag("seed", value: "N", default: "1", help: "who is hit when: the same for the same seed and the same instances"),
        Flag("settle", value: "DURATION", default: "60s", help: "how long the mesh has afterwards to be as it was"),
    ]
    private static let targets = [Argument("BOT[/N]", .oneOrMore, help: "whose instances are harmed, e.g. BuildBot or BuildBot/2")]
    private static let json = """
        one object a thing that happens: event, seconds, instance, pid, text; at the end one with event (summary), faults, idle_faults (of instances with \
        nothing to do), restarts, return_seconds (of each that is back), not_back (instances), moved_partitions, lag_before, lag_peak, drain_seconds, \
        dead_letters, events, written_twice, is_cut (not all events were counted), repeated_inputs, problems
        """
    private static let words = """
        Only instances that run on this host can be harmed, and each process is asked first whether it is that instance of this mesh. At the end it tells
        what the mesh did: restarts, how long until the harmed ones worked again, partitions that changed hands, lag, dead letters, and events that were
        written twice. The exit status is 1 when something is not as it was, or when exactly-once bots wrote an event twice.
        """

    static let all = [
        Command(
            "chaos kill", summary: "Kill instances of the running mesh, and tell what the mesh did about it",
            discussion: words + "\n\nExample: mesh chaos kill BuildBot TestBot/2 --every 10s --duration 60s --seed 7",
            json: json, arguments: targets, flags: flags + [.format], run: { try run($0, .kill) }),
        Command(
            "chaos freeze", summary: "Freeze instances of the running mesh for a while, and tell what the mesh did about it",
            discussion: words + """


                A frozen process neither works nor says so: after six seconds its partitions go to others, and when it is let go it must not commit any more.
                It is let go also when this command is interrupted or killed.

                Example: mesh chaos freeze BuildBot --for 12s --every 30s --duration 2m
                """,
            json: json, arguments: targets,
            flags: flags + [Flag("for", value: "DURATION", default: "10s", help: "how long each stays frozen"), .format],
            run: { try run($0, .freeze) }),
    ]

    private static func run(_ invocation: Invocation, _ fault: HarmPlan.Fault) throws -> Int32 {
        let targets = try invocation.arguments.map { word in
            guard let target = Target(word) else {
                throw UsageError("'\(word)' is no bot and no instance of one: BuildBot, or BuildBot/2 for its second instance")
            }
            return target
        }
        func time(_ flag: String, _ least: Duration) throws -> Duration {
            try invocation.duration(flag, in: least ... .seconds(86_400)) ?? least
        }
        let plan = HarmPlan(
            fault: fault, targets: targets, interval: try time("every", .milliseconds(500)), duration: try time("duration", .seconds(1)),
            frozen: fault == .freeze ? try time("for", .milliseconds(500)) : .zero,
            seed: UInt64(try invocation.integer("seed", in: 0...Int.max) ?? 1))
        return try MeshChaos(invocation, plan, settle: try time("settle", .seconds(1))).run()
    }
}
