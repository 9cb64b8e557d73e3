import BotKit
import Envelopes

/// What a configuration is checked against: the built-in bots' contracts and the known event types.
public struct ConfigurationKnowledge: Sendable {
    /// What is known of one event type.
    public struct KnownEvent: Sendable {
        /// Whether the bot of that name may produce it.
        public let mayBeProducedBy: @Sendable (String) -> Bool
        /// Who may, for messages.
        public let producers: [String]
        /// The payload's form; nil when it is not known.
        public let payload: PayloadShape?

        public init(producers: [String], payload: PayloadShape?, mayBeProducedBy: @escaping @Sendable (String) -> Bool) {
            self.producers = producers
            self.payload = payload
            self.mayBeProducedBy = mayBeProducedBy
        }
    }

    public var contracts: [String: Contract]
    public var events: [EventType: KnownEvent]
    /// Asks a bot whether it can work with a configuration: what only the bot itself can judge.
    public var judge: @Sendable (BotConfiguration) -> ConfigurationError?

    public init(
        contracts: [Contract] = [], events: [EventType: KnownEvent] = [:],
        judge: @escaping @Sendable (BotConfiguration) -> ConfigurationError? = { _ in nil }
    ) {
        self.contracts = Dictionary(contracts.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.events = events
        self.judge = judge
    }

    /// What the catalogue and the bots' contracts say.
    public init(
        catalogue: EventCatalogue, contracts: [Contract],
        judge: @escaping @Sendable (BotConfiguration) -> ConfigurationError? = { _ in nil }
    ) {
        let events = catalogue.definitions.values.filter { $0.kind == .event }.map { definition in
            let known = KnownEvent(
                producers: [definition.owner] + definition.producers, payload: definition.schema.map { PayloadShape(schema: $0.source) },
                mayBeProducedBy: definition.mayBeProduced(byBot:))
            return (definition.type, known)
        }
        self.init(contracts: contracts, events: Dictionary(events, uniquingKeysWith: { first, _ in first }), judge: judge)
    }

    /// What the catalogue and the bots themselves say.
    /// - Parameter custom: the type of the bots that a configuration alone defines; nil leaves them unjudged.
    public init(bots: [any Bot.Type], custom: (any Bot.Type)? = nil, catalogue: EventCatalogue) {
        let types = Dictionary(bots.map { ($0.contract.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.init(catalogue: catalogue, contracts: bots.map { $0.contract }) { configuration in
            guard let type = types[configuration.name] ?? custom else { return nil }
            do throws(ConfigurationError) {
                _ = try type.init(configuration: configuration)
                return nil
            } catch {
                return error
            }
        }
    }

    /// The steps of built-in bots and who has them.
    var stepOwners: [String: String] {
        Dictionary(contracts.values.flatMap { contract in contract.steps.map { ($0, contract.name) } }, uniquingKeysWith: { min($0, $1) })
    }

    /// The bot whose `notifications` are rules over the events of all others.
    static let ruleBot = "NotificationBot"
}

/// The form of a payload, as far as its JSON Schema tells.
public struct PayloadShape: Sendable {
    private let schema: JSONValue

    public init(schema: JSONValue) { self.schema = schema }

    public enum Presence: Sendable { case declared, undeclared, open }

    /// The names of its fields.
    public var fields: [String] { (schema["properties"]?.object?.keys.sorted()) ?? [] }
    public var required: [String] { (schema["required"]?.array ?? []).compactMap(\.string) }

    /// Whether a field of that dotted name is declared; `open`: its parent says nothing of what it holds.
    public func presence(of name: String) -> Presence {
        var current = schema
        for word in name.split(separator: ".", omittingEmptySubsequences: false) {
            current = resolved(current)
            if let items = current["items"], word.allSatisfy(\.isNumber) {
                current = items
            } else if let properties = current["properties"]?.object {
                guard let next = properties[String(word)] else { return .undeclared }
                current = next
            } else {
                let type = current["type"]?.string
                return type == nil || type == "object" || type == "array" ? .open : .undeclared
            }
        }
        return .declared
    }

    private func resolved(_ value: JSONValue) -> JSONValue {
        var value = value
        for _ in 0..<16 {
            guard let reference = value["$ref"]?.string, reference.hasPrefix("#/$defs/"),
                let target = schema["$defs"]?[String(reference.dropFirst("#/$defs/".count))]
            else { return value }
            value = target
        }
        return value
    }
}
