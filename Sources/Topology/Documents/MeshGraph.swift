import BotKit
import Envelopes

/// The picture of a mesh, drawn from the contracts of its bots: who hands what to whom.
public enum MeshGraph {
    /// More types than this on one arrow are drawn as their domains.
    private static let typesOnAnArrow = 3

    /// An arrow: the types that the bot at its tail may produce and the one at its head may be started by.
    public struct Edge: Sendable, Equatable {
        /// nil: people and hooks.
        public let producer: String?
        public let consumer: String
        public let types: [EventType]
    }

    /// All arrows; what no bot produces comes from people.
    public static func edges(_ contracts: [Contract], catalogue: EventCatalogue) -> [Edge] {
        let produced = Set(contracts.flatMap(\.produces))
        let consumed = contracts.map { Self.consumed(by: $0, catalogue) }
        var edges: [Edge] = []
        for (reader, types) in zip(contracts, consumed) {
            let types = types.filter { !produced.contains($0) && isFromPeople($0, catalogue) }
            if !types.isEmpty { edges.append(Edge(producer: nil, consumer: reader.name, types: types)) }
        }
        for writer in contracts {
            for (reader, wanted) in zip(contracts, consumed) {
                let types = writer.produces.filter { wanted.contains($0) }
                if !types.isEmpty { edges.append(Edge(producer: writer.name, consumer: reader.name, types: types)) }
            }
        }
        return edges
    }

    /// A Mermaid flowchart.
    public static func mermaid(_ contracts: [Contract], catalogue: EventCatalogue) -> String {
        var lines = ["flowchart LR", "    people([people and hooks])"]
        for edge in edges(contracts, catalogue: catalogue) {
            lines.append("    \(edge.producer ?? "people") -->|\(label(edge.types).joined(separator: "<br>"))| \(edge.consumer)")
        }
        lines.append("    mesh[(mesh.dlq)]")
        if !contracts.isEmpty {
            lines.append("    \(contracts.map(\.name).joined(separator: " & ")) -.->|what cannot be handled| mesh")
        }
        return lines.joined(separator: "\n")
    }

    /// The same picture in Graphviz's language, e.g. for `dot -Tsvg`.
    public static func dot(_ contracts: [Contract], catalogue: EventCatalogue) -> String {
        var lines = [
            "digraph mesh {", "    rankdir=LR; node [shape=box, style=rounded]; edge [fontsize=10];",
            "    people [label=\"people and hooks\", shape=oval];", "    \"mesh.dlq\" [shape=cylinder];",
        ]
        lines += contracts.map { "    \"\($0.name)\";" }
        for edge in edges(contracts, catalogue: catalogue) {
            let tail = edge.producer.map { "\"\($0)\"" } ?? "people"
            lines.append("    \(tail) -> \"\(edge.consumer)\" [label=\"\(label(edge.types).joined(separator: "\\n"))\"];")
        }
        lines += contracts.map { "    \"\($0.name)\" -> \"mesh.dlq\" [style=dashed];" }
        return (lines + ["}"]).joined(separator: "\n")
    }

    /// The types that may start a bot, with its patterns resolved.
    public static func consumed(by contract: Contract, _ catalogue: EventCatalogue) -> [EventType] {
        var result: [EventType] = []
        for type in contract.consumes {
            guard let pattern = try? EventPattern(parsing: type.name), pattern.isWild else {
                result.append(type)
                continue
            }
            result += catalogue.types.filter(pattern.matches)
        }
        var seen: Set<EventType> = []
        return result.filter { seen.insert($0).inserted }
    }

    private static func isFromPeople(_ type: EventType, _ catalogue: EventCatalogue) -> Bool {
        guard let definition = catalogue[type] else { return false }
        return definition.schema != nil && definition.producers.contains(EventDefinition.anyone)
    }

    private static func label(_ types: [EventType]) -> [String] {
        guard types.count > typesOnAnArrow else { return types.map(\.name) }
        var domains: [String] = []
        for type in types where !domains.contains("\(type.domain).*") { domains.append("\(type.domain).*") }
        return domains
    }
}
