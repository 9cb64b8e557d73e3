import Envelopes
import Kafka

/// What it takes to make a broker's topics those of the catalogue. Pure: it compares, `TopicApplier` does.
public struct TopicPlan: Sendable, Equatable {
    /// A topic as the broker has it.
    public struct Existing: Sendable, Equatable {
        public var partitions: Int
        /// The settings by name; nil when the broker does not tell.
        public var settings: [String: String]?

        public init(partitions: Int, settings: [String: String]? = nil) {
            self.partitions = partitions
            self.settings = settings
        }
    }

    public struct Change: Sendable, Equatable {
        public let setting: String
        public let before: String
        public let after: String
    }

    public enum Step: Sendable, Equatable {
        case create(NewTopic)
        case addPartitions(topic: String, before: Int, after: Int)
        case change(topic: String, [Change])
        /// The broker has more partitions than the catalogue wants: the topic is deleted and made again, and its records are lost.
        case shrink(before: Int, NewTopic)
        /// In a domain of the mesh, but not in the catalogue: deleted with its records.
        case delete(topic: String, partitions: Int)

        /// Whether records are lost, or what a bot keeps is not found any more. Such a step is done only when it is forced.
        public var needsForce: Bool {
            switch self {
            case .shrink, .delete: true
            case .create, .change: false
            case .addPartitions: losesStates
            }
        }

        /// Whether a bot's states and journals stay where the count of before has put them, and are looked for where that of then would.
        public var losesStates: Bool {
            guard case .addPartitions(let topic, _, _) = self else { return false }
            return topic.hasPrefix("state.") || topic.hasPrefix("inbox.")
        }

        public var topic: String {
            switch self {
            case .create(let topic), .shrink(_, let topic): topic.name
            case .addPartitions(let topic, _, _), .change(let topic, _), .delete(let topic, _): topic
            }
        }
    }

    public let steps: [Step]
    /// What the broker cannot do as the catalogue wants it.
    public let warnings: [String]

    /// Compares. `ownedPrefixes` are the beginnings of names that belong to the mesh: only below them is a topic that nobody wants reported.
    public init(wanted: [EventDefinition], existing: [String: Existing], replicas: Int, ownedPrefixes: Set<String>) {
        var steps: [Step] = []
        var lacking: [String: Int] = [:]
        let names = Set(wanted.map(\.type.name))
        for definition in wanted.sorted(by: { $0.type < $1.type }) {
            let topic = definition.newTopic(replicas: replicas)
            guard let found = existing[topic.name] else {
                steps.append(.create(topic))
                continue
            }
            if found.partitions > definition.partitions {
                steps.append(.shrink(before: found.partitions, topic))
            } else if found.partitions < definition.partitions {
                steps.append(.addPartitions(topic: topic.name, before: found.partitions, after: definition.partitions))
            }
            var changes: [Change] = []
            for (setting, value) in topic.configuration.sorted(by: { $0.key < $1.key }) {
                guard let settings = found.settings, let before = settings[setting] else {
                    lacking[setting, default: 0] += 1
                    continue
                }
                if !Self.isSame(before, value) { changes.append(Change(setting: setting, before: before, after: value)) }
            }
            if !changes.isEmpty { steps.append(.change(topic: topic.name, changes)) }
        }
        for (name, found) in existing.sorted(by: { $0.key < $1.key }) where !names.contains(name) {
            if ownedPrefixes.contains(where: { name.hasPrefix($0) }) { steps.append(.delete(topic: name, partitions: found.partitions)) }
        }
        self.steps = steps
        warnings = lacking.sorted { $0.key < $1.key }.map {
            "the broker does not tell \($0.key) of \($0.value) topics; it is left as it is"
        }
    }

    /// Lists such as `compact,delete` mean the same in any order.
    private static func isSame(_ left: String, _ right: String) -> Bool {
        func words(_ text: String) -> Set<Substring> { Set(text.split { $0 == "," || $0 == " " }) }
        return left == right || words(left) == words(right)
    }

    public var isEmpty: Bool { steps.isEmpty }

    /// One line a step; what needs force is marked with `!`.
    public var text: String {
        var lines = steps.map(\.text)
        lines += warnings.map { "warning: \($0)" }
        if steps.contains(where: \.needsForce) {
            lines.append("lines with ! lose records, or what a bot keeps, and are done only with --force")
        }
        if steps.contains(where: \.losesStates) {
            lines.append(
                "to keep what a bot knows, give its topics in topics/ the partitions that the broker has; to do without, drain the bot first"
            )
        }
        if steps.isEmpty { lines.append("the broker's topics are those of the catalogue") }
        return lines.joined(separator: "\n")
    }
}

extension TopicPlan.Step {
    var text: String {
        let name = topic.padded(to: 32)
        switch self {
        case .create(let topic):
            let settings = topic.configuration.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
            return "+ \(name) create, \(topic.partitions) partitions, \(settings)"
        case .addPartitions(let topic, let before, let after):
            let counts = "\(name) partitions \(before) -> \(after);"
            if losesStates { return "! \(counts) states, journals of open runs and notes of what is tried again are not found any more" }
            // Which replica ticks goes by the count that it found when it began.
            let remark =
                topic == ScheduleFired.type.name
                ? "; end all bots with schedules first: of replicas that began before and after, two may tick, or none" : ""
            return "~ \(counts) keys are spread anew from then on\(remark)"
        case .change(_, let changes):
            return "~ \(name) " + changes.map { "\($0.setting) \($0.before) -> \($0.after)" }.joined(separator: ", ")
        case .shrink(let before, let topic): return "! \(name) partitions \(before) -> \(topic.partitions), made anew without its records"
        case .delete(_, let partitions): return "! \(name) delete, \(partitions) partitions: the catalogue has no such topic"
        }
    }
}

extension EventDefinition {
    /// What Kafka is told.
    func newTopic(replicas: Int) -> NewTopic {
        var settings = ["cleanup.policy": cleanup.rawValue, "max.message.bytes": "\(maximumBytes)"]
        if cleanup != .compact { settings["retention.ms"] = retention.map { "\($0.components.seconds * 1000)" } ?? "-1" }
        // Written without end and read whole by people: only closed segments are compacted, and by default one is open for a week or a gibibyte.
        if cleanup == .compactAndDelete { settings["segment.bytes"] = "\(4 << 20)" }
        // Two copies of what was acknowledged outlive the loss of one broker.
        if replicas >= 3 { settings["min.insync.replicas"] = "2" }
        return NewTopic(name: type.name, partitions: Int32(partitions), replicas: Int32(replicas), configuration: settings)
    }
}

extension EventCatalogue {
    /// Every topic of a mesh with these bots: the catalogue's, and those that each bot has for itself.
    public func topics(bots: [(name: String, isStateful: Bool)]) -> [EventDefinition] {
        (Array(definitions.values) + bots.flatMap { topics(ofBot: $0.name, isStateful: $0.isStateful) }).sorted { $0.type < $1.type }
    }

    /// The beginnings of names that belong to the mesh: its domains and its bots' own topics.
    public var ownedPrefixes: Set<String> { Set(definitions.keys.map { "\($0.domain)." } + botTopics.map(\.prefix)) }
}

extension String {
    /// With spaces up to `width`, at least one.
    func padded(to width: Int) -> String { self + String(repeating: " ", count: Swift.max(0, width - count)) }
}
