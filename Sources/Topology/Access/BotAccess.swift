import BotKit
import Envelopes
import Kafka

/// What a bot may do at the broker, from its contract: the access rules that make its boundaries hold there too, whatever the process does.
public struct BotAccess: Sendable {
    private let contract: Contract
    private let patterns: [EventPattern]
    private let configuration: BotConfiguration
    private let catalogue: EventCatalogue

    /// `contract` is that of the bot as it is configured: `Bot.contract` of an instance. Throws for a pattern that is none.
    public init(contract: Contract, configuration: BotConfiguration, catalogue: EventCatalogue) throws {
        patterns = try contract.consumes.map { try EventPattern(parsing: $0.name) }
        self.contract = contract
        self.configuration = configuration
        self.catalogue = catalogue
    }

    /// The bot's name.
    public var bot: String { contract.name }

    /// Who the bot is to the broker: a user of its own name.
    public var principal: String { "User:\(contract.name)" }

    /// The topics that it may read: what it consumes, what cancels its runs, its own, the mesh's wishes, and the audit, where it goes on from its last hash and
    /// finds what replayed calls are answered with.
    public var readable: [String] {
        Set(consumed + contract.cancels.map(\.type.name) + own + [ControlRecord.topic, AuditRecord.topic]).sorted()
    }

    /// The topics that it may write: what it produces, its steps' lines, its own, and the mesh's records of what was done.
    public var writable: [String] {
        let domains = Set(contract.produces.map { String($0.domain) })
        let lines = domains.map { StepLog.type(domain: $0).name }.filter { catalogue.definitions[EventType($0)] != nil }
        let reports = ["mesh.dlq", AuditRecord.topic, InstanceRecord.topic, BotErrorEvent.type.name, BotCapabilities.type.name]
        return Set(contract.produces.map(\.name) + lines + own + reports + ticks + notices).sorted()
    }

    /// All rules, sorted. Reading and writing imply describing.
    public var rules: [AccessRule] {
        readable.map { rule(.topic, $0, .read) } + writable.map { rule(.topic, $0, .write) }
            + [
                rule(.group, contract.name, .read), rule(.group, GroupSettings.nobodysGroup, .read),
                AccessRule(
                    resource: .transactionalID, name: "mesh-\(contract.name)-", pattern: .prefixed, principal: principal, operation: .write),
            ]
    }

    private func rule(_ resource: AccessRule.Resource, _ name: String, _ operation: AccessRule.Operation) -> AccessRule {
        AccessRule(resource: resource, name: name, principal: principal, operation: operation)
    }

    private var own: [String] { catalogue.topics(ofBot: contract.name, isStateful: true).map(\.type.name) }

    private var consumed: [String] {
        let known = catalogue.definitions.keys.filter { type in patterns.contains { $0.matches(type) } }
        return (known + contract.consumes).map(\.name).filter { !$0.contains("*") && !$0.contains("#") } + ticks
    }

    /// A bot with a schedule writes its ticks where all its replicas read them.
    private var ticks: [String] { configuration.triggers.contains { $0.kind != .event } ? [ScheduleFired.type.name] : [] }

    private var notices: [String] { configuration.notifications.isEmpty ? [] : [NotificationRequested.type.name] }
}
