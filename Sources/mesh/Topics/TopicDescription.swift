import BotKit
import Envelopes
import Terminal
import Topology

/// One topic as the catalogue wants it and as the broker has it: what `mesh topics describe` shows.
struct TopicDescription: Encodable {
    struct Partition: Encodable, Equatable {
        let partition: Int32
        /// -1 when there is none at the moment.
        let leader: Int32
        let replicas: [Int32]
        let inSync: [Int32]
        /// The first offset that can still be read, and the next that will be written; nil where the broker did not say.
        let first: Int64?
        let end: Int64?
        enum CodingKeys: String, CodingKey {
            case partition, leader, replicas, first, end
            case inSync = "in_sync"
        }
    }
    struct Difference: Encodable, Equatable {
        let what, wanted, actual: String
    }

    let topic: String
    /// nil: the catalogue has no such topic.
    let definition: TopicObject?
    let consumers: [String]
    let required: [String]
    let optional: [String]
    let example: JSONValue?
    /// nil: the broker has no such topic.
    let partitions: [Partition]?
    let differences: [Difference]
    let isMissing: Bool

    enum CodingKeys: String, CodingKey {
        case topic, definition, consumers, required, optional, example, partitions, differences
        case isMissing = "missing_at_broker"
    }

    init(
        topic: String, definition: EventDefinition?, contracts: [Contract], catalogue: EventCatalogue, partitions: [Partition]?,
        steps: [TopicPlan.Step]
    ) {
        self.topic = topic
        self.definition = definition.map(TopicObject.init)
        consumers = contracts.filter { contract in
            MeshGraph.consumed(by: contract, catalogue).contains { $0.name == topic } || contract.cancels.contains { $0.type.name == topic }
        }.map(\.name)
        let names = Set((definition?.schema?.source["required"]?.array ?? []).compactMap(\.string))
        required = (definition?.fields ?? []).filter(names.contains)
        optional = (definition?.fields ?? []).filter { !names.contains($0) }
        example = definition?.examples.first?.payload
        self.partitions = partitions
        isMissing = partitions == nil
        differences = steps.flatMap(Self.differences)
    }

    private static func differences(_ step: TopicPlan.Step) -> [Difference] {
        switch step {
        case .create, .delete: []
        case .addPartitions(_, let before, let after): [Difference(what: "partitions", wanted: "\(after)", actual: "\(before)")]
        case .shrink(let before, let new): [Difference(what: "partitions", wanted: "\(new.partitions)", actual: "\(before)")]
        case .change(_, let changes): changes.map { Difference(what: $0.setting, wanted: $0.after, actual: $0.before) }
        }
    }

    /// For people, up to the table of the partitions.
    func lines(style: Style, width: Int, retention: String?) -> [String] {
        var rows: [(String, String)] = []
        if let definition {
            rows = [
                ("owner", definition.owner), ("producers", definition.producers.joined(separator: ", ")),
                ("consumers", consumers.joined(separator: ", ")),
                ("key", definition.key), ("kept", retention ?? ""), ("record size", "at most \(HumanText.bytes(definition.maximumBytes))"),
                ("version", "\(definition.version)"), ("required", required.joined(separator: ", ")),
                ("optional", optional.joined(separator: ", ")),
            ]
        }
        let title = style(.bold, topic) + "  " + (definition?.summary ?? "not in the catalogue (topics/): the mesh does not know it")
        var lines = [title] + Glossary(rows: rows.filter { !$0.1.isEmpty }).lines(width: width)
        if let example { lines += ["  example"] + ["    " + example.jsonText] }
        if isMissing {
            lines.append(style(.red, "the broker has no such topic") + ". Make it: mesh topics apply")
        } else {
            lines += differences.map { style(.yellow, "differs") + ": \($0.what) is \($0.actual), wanted is \($0.wanted)" }
            if !differences.isEmpty { lines.append("Mend it: mesh topics apply (mesh topics diff shows what it would do)") }
        }
        return lines
    }

    static let columns: [Column] = [
        Column("PARTITION", .right), Column("LEADER", .right), "REPLICAS", "IN SYNC", Column("FIRST", .right), Column("END", .right),
        Column("OFFSETS", .right),
    ]

    var rows: [[String]] {
        (partitions ?? []).map { partition in
            func text(_ number: Int64?) -> String { number.map { "\($0)" } ?? "?" }
            func list(_ ids: [Int32]) -> String { ids.map(String.init).joined(separator: ",") }
            let count = partition.first.flatMap { first in partition.end.map { HumanText.count(max(0, $0 - first)) } } ?? "?"
            return [
                "\(partition.partition)", partition.leader < 0 ? "none" : "\(partition.leader)", list(partition.replicas),
                list(partition.inSync), text(partition.first), text(partition.end), count,
            ]
        }
    }
}
