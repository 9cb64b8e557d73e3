import Envelopes
import Kafka

/// What a person should know of the lag of a mesh.
struct LagWarnings {
    /// Each in one sentence.
    private(set) var problems: [String] = []
    /// What explains itself, but may be looked for.
    private(set) var notes: [String] = []

    init(_ sample: LagSample, _ trend: LagTrend) {
        let owners = PartitionOwners(sample.instances)
        for row in sample.rows where trend.movement(row).standsStill { judge(row, owners[row], sample) }
        for (group, rows) in Dictionary(grouping: sample.rows, by: \.group).sorted(by: { $0.key < $1.key }) {
            countReplicas(group, rows, sample.instances)
        }
        problems += sample.troubles
    }

    private mutating func judge(_ row: PartitionLag, _ owner: InstanceStatus?, _ sample: LagSample) {
        let what = "\(row.group) does not move in \(row.partition) (at \(row.position.map { "\($0)" } ?? "?"))"
        if row.unread == .inTransaction { return notes.append("\(what): the next record's transaction is not over") }
        guard let owner else {
            let isRunning = sample.instances.contains { $0.record.bot == row.group && $0.standing.isAlive }
            let hint = isRunning ? "" : ", and none runs. Try: mesh scale \(row.group)=1, or mesh resume \(row.group)"
            return problems.append("\(what): no instance owns it" + hint)
        }
        let name = owner.record.instance
        switch owner.standing {
        case .paused: notes.append("\(what): \(name) is paused. To go on: mesh resume \(row.group)")
        case .draining, .starting: notes.append("\(what): \(name) is \(owner.standing.rawValue)")
        case .degraded: problems.append("\(what): \(name) is degraded: \(owner.note)")
        case .stalled: problems.append("\(what), and \(name) cannot explain it: look at its log, or restart it: mesh drain, mesh resume")
        case _ where Self.mayWait(row, sample.wall): notes.append("\(what): \(Self.waiting(row, sample.wall))")
        case _ where owner.record.openCalls > 0: notes.append("\(what): \(name) has \(counted(owner.record.openCalls, "call")) under way")
        default: problems.append("\(what): \(name) says nothing that explains it")
        }
    }

    /// A retry whose time has come is handled within seconds.
    private static func mayWait(_ row: PartitionLag, _ now: Timestamp) -> Bool {
        row.isRetry && (row.due.map { now.duration(since: $0) < .seconds(10) } ?? true)
    }

    private static func waiting(_ row: PartitionLag, _ now: Timestamp) -> String {
        guard let due = row.due, due > now else { return "retries and reminders wait for their time" }
        return "retries and reminders wait for their time, the first one until \(due.text)"
    }

    /// The busiest topic bounds how many replicas have work.
    private mutating func countReplicas(_ group: String, _ rows: [PartitionLag], _ instances: [InstanceStatus]) {
        let running = instances.count { $0.record.bot == group && $0.standing.isAlive }
        let counts = Dictionary(grouping: rows.filter { !$0.isRetry }, by: \.partition.topic).mapValues(\.count)
        if let text = ReplicaWarning.text(bot: group, replicas: running, partitions: counts) { problems.append(text) }
    }
}

extension PartitionLag {
    /// Its records wait for their time, and its number of partitions says nothing.
    var isRetry: Bool { partition.topic == "retry.\(group.lowercased())" }
}

/// More replicas than partitions: some have nothing to do.
enum ReplicaWarning {
    /// `partitions` are the numbers of the bot's input topics; nil when all is well, or nothing is known of them.
    static func text(bot: String, replicas: Int, partitions: [String: Int]) -> String? {
        guard let count = partitions.values.max(), replicas > count else { return nil }
        return "\(bot) has \(replicas) replicas, but no topic that it reads has more than \(count) partition\(count == 1 ? "" : "s"): "
            + "what is beyond \(count) adds nothing. Fewer replicas (mesh scale \(bot)=\(count)), or more partitions"
    }
}
