import Envelopes
import Terminal
import Topology

/// The JSON form of a topic of the catalogue.
struct TopicObject: Encodable {
    let topic, owner, kind, cleanup, key, summary: String
    let producers: [String]
    let partitions, maximumBytes, version: Int
    /// null: for ever.
    let retention: Int64?

    enum CodingKeys: String, CodingKey {
        case topic, owner, kind, cleanup, key, summary, producers, partitions, version
        case maximumBytes = "max_bytes"
        case retention = "retention_seconds"
    }

    init(_ definition: EventDefinition) {
        topic = definition.type.name
        owner = definition.owner
        kind = definition.kind.rawValue
        cleanup = definition.cleanup.rawValue
        key = definition.key
        summary = definition.summary
        producers = definition.allProducers
        partitions = definition.partitions
        maximumBytes = definition.maximumBytes
        version = definition.version
        retention = definition.cleanup == .compact ? nil : definition.retention?.components.seconds
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(topic, forKey: .topic)
        try container.encode(owner, forKey: .owner)
        try container.encode(kind, forKey: .kind)
        try container.encode(cleanup, forKey: .cleanup)
        try container.encode(key, forKey: .key)
        try container.encode(summary, forKey: .summary)
        try container.encode(producers, forKey: .producers)
        try container.encode(partitions, forKey: .partitions)
        try container.encode(maximumBytes, forKey: .maximumBytes)
        try container.encode(version, forKey: .version)
        try container.encode(retention, forKey: .retention)
    }
}

/// The JSON form of a step of a topic plan.
struct TopicStepObject: Encodable {
    struct Change: Encodable {
        let setting, before, after: String
    }
    let action: String
    let topic: String
    let needsForce: Bool
    var partitionsBefore: Int?
    var partitionsAfter: Int?
    var changes: [Change]?
    /// Only where steps are done.
    var isDone: Bool?

    enum CodingKeys: String, CodingKey {
        case action, topic, changes
        case isDone = "done"
        // Also of a step that loses only what a bot keeps; the name is published.
        case needsForce = "loses_records"
        case partitionsBefore = "partitions_before"
        case partitionsAfter = "partitions_after"
    }

    init(_ step: TopicPlan.Step, isDone: Bool? = nil) {
        self.isDone = isDone
        topic = step.topic
        needsForce = step.needsForce
        switch step {
        case .create(let new):
            action = "create"
            partitionsAfter = Int(new.partitions)
        case .addPartitions(_, let before, let after):
            action = "add-partitions"
            (partitionsBefore, partitionsAfter) = (before, after)
        case .change(_, let changes):
            action = "change"
            self.changes = changes.map { Change(setting: $0.setting, before: $0.before, after: $0.after) }
        case .shrink(let before, let new):
            action = "shrink"
            (partitionsBefore, partitionsAfter) = (before, Int(new.partitions))
        case .delete(_, let partitions):
            action = "delete"
            partitionsBefore = partitions
        }
    }
}

extension EventDefinition {
    /// Who may write it, the owner first; only `anyone` where everybody may.
    var allProducers: [String] { producers.contains(Self.anyone) ? [Self.anyone] : [owner] + producers }
}
