import BotKit
import Bots
import Envelopes
import Glibc
import Terminal
import Topology

/// Looks for what a filter names and no payload has: such a name is null, and the filter lets everything or nothing through. As far as the catalogue knows payloads.
struct FieldCheck {
    let payloads: [EventType: PayloadShape?]

    init(payloads: [EventType: PayloadShape?]) { self.payloads = payloads }

    /// nil where there is no catalogue at hand: commands need only Kafka.
    init?(_ environment: [String: String]) {
        guard let home = try? Home.find(environment), let catalogue = try? CatalogueLoader.load(directory: home.topics) else { return nil }
        let knowledge = ConfigurationKnowledge(bots: BotRegistry.all, custom: BotRegistry.custom, catalogue: catalogue)
        payloads = knowledge.events.mapValues(\.payload)
    }

    /// One message a name that no payload of the topics has; none where one of the payloads is not known. `choice` nil means all topics.
    func problems(_ filter: Filter, _ choice: TopicChoice?) -> [String] {
        let known = shapes(choice)
        guard !known.isEmpty else { return [] }
        var seen: Set<String> = []
        return filter.names.filter { seen.insert($0).inserted }.compactMap { name in
            guard !Self.isOfEnvelope(name), known.allSatisfy({ $0.presence(of: name) == .undeclared }) else { return nil }
            let place = filter.place(of: name).map { ", line \($0.line), column \($0.column)" } ?? ""
            let near = NearestName.of(name, in: Set(known.flatMap(\.fields)).sorted())
            let topics = choice.map { "of \($0.patterns.map(\.description).joined(separator: ", ")) " } ?? ""
            return "--where\(place): no payload \(topics)has a field '\(name)' in the catalogue, so it is null"
                + (near.map { "; did you mean '\($0)'?" } ?? "")
        }
    }

    /// `envelope.…` is what dead letters have beside the payload's fields.
    private static func isOfEnvelope(_ name: String) -> Bool { name == "envelope" || name.hasPrefix("envelope.") }

    /// Those of the chosen payloads that are known; none where one that is named is not.
    private func shapes(_ choice: TopicChoice?) -> [PayloadShape] {
        let named = choice?.patterns.filter { !$0.isWild } ?? []
        guard named.allSatisfy({ payloads[EventType($0.description)].flatMap { $0 } != nil }) else { return [] }
        return payloads.compactMap { type, shape in choice?.matches(type.name) ?? true ? shape : nil }
    }

    /// Tells the problems on standard error; the command goes on, for anybody may write more into a payload than the catalogue knows.
    static func tell(_ filter: Filter?, _ choice: TopicChoice?, _ invocation: Invocation) {
        guard let filter, let check = FieldCheck(invocation.environment) else { return }
        for problem in check.problems(filter, choice) { Terminal.write("mesh: \(problem)\n", to: STDERR_FILENO) }
    }
}
