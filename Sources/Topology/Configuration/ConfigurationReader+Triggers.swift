import BotKit
import Envelopes

extension ConfigurationReader {
    mutating func readTriggers(_ root: Fields) {
        let expected = "a list with at least one trigger"
        let items = root.list("triggers", expected: expected)
        if !root.isGiven("triggers") {
            root.missing("triggers", expected: expected)
        } else if items.isEmpty, let node = root["triggers"], node.sequence != nil {
            sink.error(node.position, "triggers", "triggers is empty", expected: expected)
        }
        setTriggers(items.enumerated().compactMap { trigger($1, path: "triggers[\($0)]") })
    }

    private func trigger(_ node: YAMLNode, path: String) -> BotConfiguration.Trigger? {
        guard let fields = Fields(node, path: path, keys: ["type", "pattern", "filter", "priority"], sink: sink) else { return nil }
        if !fields.isGiven("type") { fields.missing("type", expected: "one of event, schedule, webhook, manual") }
        let kind: BotConfiguration.Trigger.Kind? = fields.choice("type")
        let pattern = fields.requiredString("pattern", expected: "an event type, a cron expression, a path, or a name")
        let priority: Priority =
            fields.choice("priority", ["critical", "high", "medium", "low"]).flatMap { Priority(rawValue: $0) } ?? .medium
        let filter = fields.string("filter", expected: "a filter in quotes")
        if let filter, let node = fields["filter"] { check(filter: filter, node, path: fields.at("filter"), kind, pattern) }
        guard let kind, let pattern, let node = fields["pattern"] else { return nil }
        check(pattern: pattern, node, path: fields.at("pattern"), kind)
        return BotConfiguration.Trigger(kind: kind, pattern: pattern, filter: filter, priority: priority)
    }

    private func check(filter: String, _ node: YAMLNode, path: String, _ kind: BotConfiguration.Trigger.Kind?, _ pattern: String?) {
        do throws(FilterError) {
            let parsed = try Filter.parse(filter)
            guard kind == .event, let pattern else { return }
            let shapes = payloads(matching: pattern)
            guard !shapes.contains(where: { $0 == nil }), !shapes.isEmpty else { return }
            for name in parsed.names where shapes.allSatisfy({ $0?.presence(of: name) == .undeclared }) {
                let fields = shapes.flatMap { $0?.fields ?? [] }
                sink.warning(
                    node.position, path, "the payload of \(pattern) has no field '\(name)'; it will be null",
                    nearest: NearestName.of(name, in: fields))
            }
        } catch {
            sink.error(node, path, "bad filter: \(error.message)", line: error.line, column: error.column)
        }
    }

    /// The payloads of the event types that a pattern matches; nil stands for a payload that is not known. Empty: no type matches.
    func payloads(matching pattern: String) -> [PayloadShape?] {
        guard let parsed = try? EventPattern(parsing: pattern) else { return [] }
        if !parsed.isWild { return knowledge.events[EventType(pattern)].map { [$0.payload] } ?? [nil] }
        return knowledge.events.filter { parsed.matches($0.key) }.map(\.value.payload)
    }

    private func check(pattern: String, _ node: YAMLNode, path: String, _ kind: BotConfiguration.Trigger.Kind) {
        switch kind {
        case .event: check(eventPattern: pattern, node, path: path)
        case .schedule:
            checkFired(node, path: path)
            do throws(LanguageError) {
                _ = try Cron(parsing: pattern)
            } catch {
                sink.error(node, path, "bad cron expression: \(error.message)", line: error.line, column: error.column)
            }
        case .webhook:
            if !pattern.hasPrefix("/") {
                sink.error(node.position, path, "the webhook's path is '\(pattern)'", expected: "a path that begins with '/'")
            }
            sink.warning(node.position, path, "webhook triggers have no effect yet")
        case .manual:
            checkFired(node, path: path)
            if !Self.isName(pattern) {
                sink.error(
                    node.position, path, "the manual trigger's name is '\(pattern.prefix(80))'", expected: "letters, digits, '-' and '_'")
            }
        }
    }

    /// A built-in bot that does not consume `schedule.fired` does nothing on a schedule.
    private func checkFired(_ node: YAMLNode, path: String) {
        guard let contract, !contract.consumes.contains(ScheduleFired.type) else { return }
        sink.warning(node.position, path, "\(contract.name) does nothing without an event, so this trigger has no effect")
    }

    private func check(eventPattern text: String, _ node: YAMLNode, path: String) {
        let pattern: EventPattern
        do throws(LanguageError) {
            pattern = try EventPattern(parsing: text)
        } catch {
            sink.error(node, path, "bad event pattern: \(error.message)", line: error.line, column: error.column)
            return
        }
        let known = knowledge.events.keys.filter(pattern.matches)
        if let contract {
            let allowed = contract.consumes.compactMap { try? EventPattern(parsing: $0.name) }
            let candidates = pattern.isWild ? known : [EventType(text)]
            let isConsumed =
                candidates.contains { type in allowed.contains { $0.matches(type) } } || contract.consumes.contains(EventType(text))
            guard isConsumed else {
                let names = contract.consumes.map(\.name).sorted()
                sink.error(
                    node.position, path, "\(contract.name) does not consume \(text)", expected: "one of \(names.joined(separator: ", "))",
                    nearest: NearestName.of(text, in: names))
                return
            }
        }
        guard known.isEmpty, !knowledge.events.isEmpty else { return }
        let nearest = NearestName.of(text, in: knowledge.events.keys.map(\.name).sorted())
        sink.warning(
            node.position, path, pattern.isWild ? "no known event type matches \(text)" : "no topic has the event type \(text)",
            nearest: nearest)
    }
}
