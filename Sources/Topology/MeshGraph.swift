import BotKit
import Envelopes

/// The picture of a mesh, drawn from the contracts of its bots: who hands what to whom.
public enum MeshGraph {
    /// More types than this on one arrow are drawn as their domains.
    private static let typesOnAnArrow = 3

    /// A Mermaid flowchart. An arrow is a type that the bot at its tail may produce and the one at its head may be started by; what no bot
    /// produces comes from people.
    public static func mermaid(_ contracts: [Contract], catalogue: EventCatalogue) -> String {
        var lines = ["flowchart LR", "    people([people and hooks])"]
        let produced = Set(contracts.flatMap(\.produces))
        for reader in contracts {
            let consumed = consumed(by: reader, catalogue)
            let types = consumed.filter { !produced.contains($0) && isFromPeople($0, catalogue) }
            if let label = label(types, catalogue) { lines.append("    people -->|\(label)| \(reader.name)") }
        }
        for writer in contracts {
            for reader in contracts {
                let consumed = Set(consumed(by: reader, catalogue))
                if let label = label(writer.produces.filter { consumed.contains($0) }, catalogue) {
                    lines.append("    \(writer.name) -->|\(label)| \(reader.name)")
                }
            }
        }
        lines.append("    mesh[(mesh.dlq)]")
        if !contracts.isEmpty {
            lines.append("    \(contracts.map(\.name).joined(separator: " & ")) -.->|what cannot be handled| mesh")
        }
        return lines.joined(separator: "\n")
    }

    /// The types that may start a bot, with its patterns resolved.
    static func consumed(by contract: Contract, _ catalogue: EventCatalogue) -> [EventType] {
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

    /// nil for no types.
    private static func label(_ types: [EventType], _ catalogue: EventCatalogue) -> String? {
        guard !types.isEmpty else { return nil }
        guard types.count > typesOnAnArrow else { return types.map(\.name).joined(separator: "<br>") }
        var domains: [String] = []
        for type in types where !domains.contains("\(type.domain).*") { domains.append("\(type.domain).*") }
        return domains.joined(separator: "<br>")
    }
}
