import Kafka
import Topology

/// Whether a broker's topics are those of the mesh, and whole. Pure.
struct TopicCheck {
    let plan: TopicPlan
    let metadata: ClusterMetadata
    /// The mesh's topics.
    let names: Set<String>

    var findings: [Finding] { differences + partitions }

    private var differences: [Finding] {
        func topics(_ isWanted: (TopicPlan.Step) -> Bool) -> [String] { plan.steps.filter(isWanted).map(\.topic) }
        let missing = topics { if case .create = $0 { true } else { false } }
        let different = topics { step in
            switch step {
            case .addPartitions: !step.losesStates
            case .change: true
            case .create, .shrink, .delete: false
            }
        }
        let large = topics { if case .shrink = $0 { true } else { false } }
        let stateful = topics(\.losesStates)
        let foreign = topics { if case .delete = $0 { true } else { false } }
        var findings: [Finding] = []
        if !missing.isEmpty { findings.append(.problem("topics", "\(missing.count) missing: \(some(missing))", mend: "mesh topics apply")) }
        if !different.isEmpty {
            findings.append(
                .problem("topics", "\(different.count) are not as the catalogue wants: \(some(different))", mend: "mesh topics apply"))
        }
        if !large.isEmpty {
            findings.append(
                .warning(
                    "topics", "\(large.count) have more partitions than the catalogue wants: \(some(large))",
                    mend: "raise partitions in topics/, or lose their records: mesh topics apply --force"))
        }
        if !stateful.isEmpty {
            findings.append(
                .warning(
                    "topics",
                    "\(stateful.count) have fewer partitions than the catalogue wants, and with more their bots would not find what they know: \(some(stateful))",
                    mend: "lower partitions in topics/, or lose the states: drain the bots, then mesh topics apply --force"))
        }
        if !foreign.isEmpty {
            findings.append(
                .warning(
                    "topics", "\(foreign.count) that nobody wants: \(some(foreign))",
                    mend: "mesh topics diff, then mesh topics apply --force"))
        }
        return findings.isEmpty ? [.fine("topics", "\(names.count) topics are as the catalogue wants")] : findings
    }

    private var partitions: [Finding] {
        let own = metadata.topics.values.filter { names.contains($0.name) }.sorted { $0.name < $1.name }
        let leaderless = own.filter { $0.partitions.contains { $0.leader < 0 } }.map(\.name)
        let behind = own.filter { $0.partitions.contains { $0.inSyncReplicas.count < $0.replicas.count } }.map(\.name)
        var findings: [Finding] = []
        if !leaderless.isEmpty {
            findings.append(
                .problem(
                    "partitions", "without a leader: \(some(leaderless))",
                    mend: "start the brokers that are down; mesh topics describe TOPIC"))
        }
        if !behind.isEmpty {
            findings.append(
                .warning(
                    "partitions", "copies lag behind: \(some(behind))", mend: "see which broker is down or slow: mesh topics describe TOPIC"
                ))
        }
        return findings
    }
}
