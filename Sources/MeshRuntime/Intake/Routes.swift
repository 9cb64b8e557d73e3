import BotKit
import Envelopes

/// Which events start the bot, and how urgent each is: its contract narrowed by its configuration's triggers.
struct Routes: Sendable {
    private struct Trigger: Sendable {
        let pattern: EventPattern
        let filter: Filter?
        let priority: Priority
    }
    private let triggers: [Trigger]
    let schedules: [(pattern: String, cron: Cron, priority: Priority)]
    /// Names under which a person starts the bot (`mesh trigger`); they come as `schedule.fired` too.
    private let manuals: [(name: String, priority: Priority)]
    private let bot: String
    private let consumes: [EventPattern]
    /// Cancel signals. Each replica hears them beside the group; the group reads them too, so that one that cannot be read is dead-lettered, once.
    private let cancels: Set<EventType>

    /// Throws when a pattern, a filter or a schedule does not parse: configuration is checked before, so this names the place only roughly.
    init(contract: Contract, configuration: BotConfiguration) throws(ConfigurationError) {
        bot = contract.name
        var triggers: [Trigger] = []
        var schedules: [(String, Cron, Priority)] = []
        var manuals: [(String, Priority)] = []
        let canBeFired = contract.consumes.contains { $0 == ScheduleFired.type }
        for (place, trigger) in configuration.triggers.enumerated() {
            do {
                switch trigger.kind {
                case .event:
                    let filter = try trigger.filter.map { text throws(LanguageError) in try Filter.parse(text) }
                    triggers.append(
                        Trigger(pattern: try EventPattern(parsing: trigger.pattern), filter: filter, priority: trigger.priority))
                case .schedule:
                    let cron = try Cron(parsing: trigger.pattern)
                    if canBeFired { schedules.append((trigger.pattern, cron, trigger.priority)) }
                case .manual: if canBeFired { manuals.append((trigger.pattern, trigger.priority)) }
                case .webhook: break
                }
            } catch {
                throw ConfigurationError(path: "triggers[\(place)]", message: error.description)
            }
        }
        var consumes: [EventPattern] = []
        for type in contract.consumes {
            do { consumes.append(try EventPattern(parsing: type.name)) } catch {
                throw ConfigurationError(path: "contract.consumes", message: "\(type): \(error.message)")
            }
        }
        self.triggers = triggers
        self.schedules = schedules
        self.manuals = manuals
        self.consumes = consumes
        cancels = Set(contract.cancels.map(\.type))
    }

    private var isFired: Bool { !schedules.isEmpty || !manuals.isEmpty }

    /// Whether any trigger of the configuration chooses among the events; without one, all that the contract consumes start the bot.
    private var hasChoice: Bool { !triggers.isEmpty }

    /// The topics to subscribe to, among those that exist or that the contract names outright.
    func topics(known: some Sequence<EventType>, contract: Contract) -> [EventType] {
        var chosen: Set<EventType> = []
        let outright = contract.consumes.filter { !$0.name.contains("*") && !$0.name.contains("#") }
        for type in Set(known).union(outright) where consumes.contains(where: { $0.matches(type) }) && isChosen(type) {
            // Lines of steps are many: a wildcard does not mean them.
            if !type.name.hasSuffix(".log") || outright.contains(type) { chosen.insert(type) }
        }
        if isFired { chosen.insert(ScheduleFired.type) }
        chosen.formUnion(cancels)
        return chosen.filter { !$0.name.hasPrefix("mesh.") }.sorted()
    }

    private func isChosen(_ type: EventType) -> Bool { !hasChoice || triggers.contains { $0.pattern.matches(type) } }

    /// How urgent an event that `codec` has decoded is to this bot; nil when it does not start it.
    func priority(of envelope: Envelope, _ codec: MeshCodec) throws(Rejection) -> Priority? {
        try priority(of: envelope) { () throws(Rejection) in try codec.payload(of: envelope) }
    }

    /// How urgent the event is to this bot; nil when it does not start it.
    func priority(of envelope: Envelope, payload: () throws(Rejection) -> JSONValue) throws(Rejection) -> Priority? {
        // Ticks of other bots' schedules lie on the same topic.
        if envelope.type == ScheduleFired.type {
            let fired = try payload()
            guard fired["bot"]?.string == bot, let name = fired["schedule"]?.string else { return nil }
            let priority = schedules.first { $0.pattern == name }?.priority ?? manuals.first { $0.name == name }?.priority
            return priority.map { Self.combined($0, envelope.priority) }
        }
        if cancels.contains(envelope.type) { return nil }
        guard hasChoice else { return envelope.priority }
        for trigger in triggers where trigger.pattern.matches(envelope.type) {
            if let filter = trigger.filter {
                guard filter.matches(try payload()) else { continue }
            }
            return Self.combined(trigger.priority, envelope.priority)
        }
        return nil
    }

    /// A trigger says low or more than medium: low holds for events that say nothing special, more raises them.
    private static func combined(_ trigger: Priority, _ event: Priority) -> Priority {
        switch trigger {
        case .medium: event
        case .low: event == .medium ? .low : event
        case .high, .critical: max(trigger, event)
        }
    }
}
