import Envelopes
import Kafka
import Terminal

/// Makes changes of desired state, and watches until they have come true.
struct ChangeRun {
    private let settings: ClientSettings
    private let output: Output
    private let timeout: Duration
    private let waits: Bool
    private let person: String
    private let stop: StopSign

    init(_ invocation: Invocation) throws {
        timeout = try invocation.duration("timeout", in: .seconds(1) ... .seconds(86_400)) ?? .seconds(60)
        stop = StopSign.watch()
        waits = !invocation.has("no-wait")
        output = Output(invocation)
        settings = try invocation.settings()
        person = Person.name(settings)
    }

    /// Names are checked before anything is written. Gives the exit status.
    func run(_ changes: [(target: Target, change: Change)]) throws -> Int32 {
        let state = try MeshState(settings)
        defer { state.close() }
        for (target, _) in changes { try check(target, state) }
        let before = state.statuses(all: true)
        let counts = try partitionCounts()
        let began = ContinuousClock.now
        let wishes = try ControlWriter(settings: settings, person: person).write(changes, over: state.wishes)
        let goals = changes.map { Goal($0.target, $0.change, wishes, before) }
        for goal in goals {
            try say("wanted", goal, "asked for by \(person): \(goal.target)\(Self.words(goal.change))")
            // Who waits is told at the end.
            if !waits, case .replicas = goal.change, let note = goal.drainedNote { try say("warning", goal, "warning: \(note)") }
            if let warning = warning(goal, before, counts) { try say("warning", goal, "warning: \(warning)") }
        }
        return waits ? try wait(for: goals, state, wishes, before, counts, since: began) : 0
    }

    private func check(_ target: Target, _ state: MeshState) throws {
        try state.check(target.bot)
        guard let replica = target.replica else { return }
        let known = Self.instances(of: target.bot, records: state.records.values, state.wishes)
        guard !known.contains(replica) else { return }
        let names = known.sorted().map { "\(target.bot)/\($0)" }.prefix(12).joined(separator: ", ")
        throw UsageError("\(target.bot) has no instance \(replica). There are: \(names)")
    }

    /// The numbers of the instances that have reported or are wanted. Whatever stands in the topic, no more are wanted than a supervisor starts.
    static func instances(of bot: String, records: some Sequence<InstanceRecord>, _ wishes: Wishes) -> Set<Int> {
        Set(records.filter { $0.bot == bot }.map(\.replica)).union(wishes.slots(of: bot, otherwise: 0).map(\.replica))
    }

    private func partitionCounts() throws -> [String: Int] {
        let admin = try AdminClient(settings, observer: .quiet)
        defer { admin.close(timeout: .seconds(1)) }
        return try admin.metadata(timeout: .seconds(10)).topics.mapValues(\.partitions.count)
    }

    private func warning(_ goal: Goal, _ statuses: [InstanceStatus], _ counts: [String: Int]) -> String? {
        if !waits, let obstacle = goal.obstacle { return obstacle }
        guard case .replicas = goal.change else { return nil }
        let bot = goal.target.bot
        let topics = Set(
            statuses.filter { $0.record.bot == bot }.flatMap(\.record.partitions).compactMap { PartitionNames.parse($0)?.topic })
        let inbox = "inbox.\(bot.lowercased())"
        // Through the inbox of a bot with a state all its inputs go.
        let inputs = topics.contains(inbox) ? [inbox] : topics.filter { $0 != "retry.\(bot.lowercased())" }
        let partitions = counts.filter { inputs.contains($0.key) }
        return ReplicaWarning.text(bot: bot, replicas: goal.runningSlots.count, partitions: partitions)
    }

    private func wait(
        for goals: [Goal], _ state: MeshState, _ wishes: Wishes, _ before: [InstanceStatus], _ counts: [String: Int],
        since began: ContinuousClock.Instant
    ) throws -> Int32 {
        let bots = Set(goals.map(\.target.bot))
        let (lost, possible) = (goals.filter { $0.obstacle != nil }, goals.filter { $0.obstacle == nil })
        var last = before.filter { bots.contains($0.record.bot) }
        while true {
            let now = InstanceStatus.list(state.records, wishes, now: .now, all: true).filter { bots.contains($0.record.bot) }
            let seconds = (began.duration(to: .now) / .milliseconds(100)).rounded() / 10
            for news in RebalanceNews.between(last, now) {
                if output.format == .json {
                    try output.object(RebalanceNews.Row(news: news, seconds: seconds))
                } else {
                    output.line("\(output.style(.grey, "+\(HumanText.fixed(seconds, decimals: 1)) s"))  \(news.text.printable)")
                }
            }
            last = now
            let missing = possible.flatMap { $0.missing(now, partitions: counts) }
            if missing.isEmpty {
                for goal in possible { try say("done", goal, "\(goal.success) (\(HumanText.fixed(seconds, decimals: 1)) s)") }
                return lost.isEmpty ? 0 : try refuse(lost)
            }
            if stop.isSet { return try tellStopped(goals) }
            guard began.duration(to: .now) < timeout else { return try giveUp(missing + lost.compactMap(\.obstacle), goals) }
            try state.follow(timeout: .milliseconds(250))
        }
    }

    /// Tells what no waiting helps.
    private func refuse(_ goals: [Goal]) throws -> Int32 {
        for goal in goals {
            let text = "not so: \(goal.obstacle ?? "")"
            if output.format == .json { try say("refused", goal, text) } else { _ = Mesh.fail(text, status: 1) }
        }
        return 1
    }

    private func giveUp(_ missing: [String], _ goals: [Goal]) throws -> Int32 {
        let some = missing.prefix(6).joined(separator: "; ") + (missing.count > 6 ? "; and \(missing.count - 6) more" : "")
        let hint =
            missing.contains { $0.hasSuffix("has not reported") } ? " Does a supervisor run these bots? mesh up, or the cluster's." : ""
        let text = "not so within \(HumanText.duration(timeout)): \(some).\(hint) It stays wanted; look again with: mesh ps"
        if output.format == .json {
            for goal in goals { try say("timeout", goal, text) }
        } else {
            _ = Mesh.fail(text, status: 1)
        }
        return 1
    }

    private func tellStopped(_ goals: [Goal]) throws -> Int32 {
        let text = "not waited for any longer; it stays wanted. Look again with: mesh ps"
        if output.format == .json {
            for goal in goals { try say("stopped", goal, text) }
        } else {
            _ = Mesh.fail(text, status: 1)
        }
        return 1
    }

    private struct Row: Encodable {
        let event: String
        let target: String
        let text: String
    }

    private func say(_ event: String, _ goal: Goal, _ text: String) throws {
        if output.format == .json {
            try output.object(Row(event: event, target: goal.target.description, text: text))
        } else if event != "wanted" || !waits {
            output.line(text)
        }
    }

    private static func words(_ change: Change) -> String {
        switch change {
        case .replicas(let count): " with \(counted(count, "replica"))"
        case .state(let state): " \(state.rawValue)"
        case .logLevel(let level): " to log \(level.map { "at \($0)" } ?? "as configured")"
        }
    }
}
