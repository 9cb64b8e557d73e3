import Glibc
import Kafka
import Terminal

/// What runs, and how it stands.
enum InstanceCommands {
    static let all = [
        Command(
            "ps", summary: "Show every bot instance: where it runs, what state it is in, how much it does",
            discussion: """
                States: running; degraded (the note says why); stalled (records wait and nothing moves); starting; paused; draining; drained (by a
                person); lost (silent for 15 s: it has died, or its host cannot reach Kafka). What was stopped in order is shown with --all.
                RST is how often the supervisor has started it again since mesh up; a line beneath the table says how its process before ended.
                The exit status is 1 when an instance is degraded, stalled or lost.

                Examples:
                  mesh ps
                  mesh ps BuildBot --partitions
                  mesh ps --format json | jq -r 'select(.state != "running") | .instance'
                """,
            json: """
                one object an instance: instance, bot, replica, state, note, host, pid, version, delivery, partitions (as topic[partition]), \
                records_per_second, errors_per_second, open_calls, queue_depth, done, retried, dead_lettered, restarts, last_end, stalled (partitions), \
                degraded (dependency, state, waiting_calls), log_level, started_at, last_seen, last_seen_seconds; what is not known is null
                """,
            arguments: [Argument("BOT[/N]", .zeroOrMore, help: "only these bots or instances, e.g. BuildBot or BuildBot/2; absent, all")],
            flags: [
                Flag("all", help: "also instances that have ended, and those that nobody wants any more"),
                Flag("partitions", help: "name the partitions of each instance"), .format,
            ], run: list)
    ]

    private static func list(_ invocation: Invocation) throws -> Int32 {
        let state = try MeshState(invocation.settings())
        defer { state.close() }
        let targets = try invocation.arguments.map(ControlCommands.target)
        for target in targets { try state.check(target.bot) }
        let statuses = state.statuses(all: invocation.has("all"))
            .filter { status in targets.isEmpty || targets.contains { $0.includes(status.instance) } }
        let output = Output(invocation)
        let list = InstanceList(statuses: statuses)
        if output.format == .json {
            for status in statuses { try output.object(InstanceList.Row(status: status)) }
        } else if statuses.isEmpty {
            output.line("no instance runs. Start the mesh: mesh up; a bot that is scaled to 0: mesh scale BOT=1")
        } else if invocation.has("partitions") {
            for (status, cells) in zip(statuses, list.cells(output.style)) {
                output.line("\(output.style(.bold, cells[0]))  \(cells[1])  \(counted(status.record.partitions.count, "partition"))")
                for line in PartitionNames.lines(status.record.partitions) { output.line("  \(line)") }
            }
        } else {
            list.print(to: output)
        }
        if output.format == .text, let unreadable = state.unreadable { output.line(output.style(.yellow, "note: ") + unreadable) }
        return statuses.contains { $0.standing.isTrouble } ? 1 : 0
    }
}

/// Partitions as people read them.
enum PartitionNames {
    /// One line a topic: `code.committed 0 3`.
    static func lines(_ partitions: [String]) -> [String] {
        var numbers: [String: [Int]] = [:]
        for partition in partitions {
            guard let bracket = partition.lastIndex(of: "["), let number = Int(partition[partition.index(after: bracket)...].dropLast())
            else { continue }
            numbers[String(partition[..<bracket]), default: []].append(number)
        }
        return numbers.sorted { $0.key < $1.key }
            .map { topic, numbers in "\(topic.printable) \(numbers.sorted().map(String.init).joined(separator: " "))" }
    }

    /// `topic[3]` as a partition; nil for any other text.
    static func parse(_ text: String) -> TopicPartition? {
        guard text.last == "]", let bracket = text.lastIndex(of: "["), let number = Int32(text[text.index(after: bracket)...].dropLast())
        else { return nil }
        return TopicPartition(String(text[..<bracket]), number)
    }
}
