import BotKit
import Envelopes

/// `${name}`: what can be filled in where.
extension ConfigurationReader {
    /// Names that every run has.
    static let runNames = [
        "run.id", "run.attempt", "event.id", "event.type", "event.source", "event.timestamp", "event.correlation_id", "event.priority",
        "event.key", "bot.name", "bot.version",
    ]

    /// The payloads that may start the bot; nil stands for one that is not known.
    var startingPayloads: [PayloadShape?] {
        let patterns = result.configuration.triggers.isEmpty ? (contract?.consumes ?? []).map(\.name) : []
        return patterns.flatMap(payloads(matching:))
            + result.configuration.triggers.flatMap { trigger in
                switch trigger.kind {
                // What a built-in bot does not consume is a mistake of its own, and gives nothing.
                case .event: payloads(matching: trigger.pattern).filter { contract == nil || $0 != nil }
                case .schedule, .manual: [knowledge.events[ScheduleFired.type]?.payload]
                case .webhook: [PayloadShape?]()
                }
            }
    }

    func checkNames(in action: ReadAction) {
        if action.action.type == "execute", let command = action.action.command {
            let names = (try? CommandTemplate(parsing: command))?.names ?? []
            for name in Set(names).sorted() { check(name, action.node("command"), "\(action.path).command", action) }
        } else if let command = action.node["command"] {
            checkTexts(command, "\(action.path).command", action)
        }
        // What a built-in bot's own event says is the bot's.
        let isOwnEvent =
            contract != nil && action.action.type == "message" && action.action.command != "send_notification"
            && action.action.parameters["event"]?.string != NotificationRequested.type.name
        if let parameters = action.node["parameters"], !isOwnEvent { checkTexts(parameters, "\(action.path).parameters", action) }
    }

    /// Every text in `node`, however deep.
    private func checkTexts(_ node: YAMLNode, _ path: String, _ action: ReadAction) {
        switch node.content {
        case .sequence(let items): for (index, item) in items.enumerated() { checkTexts(item, "\(path)[\(index)]", action) }
        case .mapping(let pairs): for pair in pairs { checkTexts(pair.value, "\(path).\(pair.key)", action) }
        case .scalar(let scalar):
            // The parameters of built-in steps are theirs to read: only what has the form of a name is looked at.
            guard case .string(let text) = scalar.value, text.contains("${") else { return }
            do throws(LanguageError) {
                let template = try Template(parsing: text, syntax: .dollar)
                for name in Set(template.names).sorted() { check(name, node, path, action) }
            } catch {
                guard contract == nil else { return }
                sink.error(node, path, "bad template: \(error.message)", line: error.line, column: error.column)
            }
        }
    }

    private func check(_ name: String, _ node: YAMLNode, _ path: String, _ action: ReadAction) {
        let position = place(of: name, in: node)
        if name.hasPrefix("env.") {
            checkEnvironment(name, position, path)
            return
        }
        let shapes = startingPayloads
        if shapes.contains(where: { $0 != nil && $0?.presence(of: name) != .undeclared }) || Self.runNames.contains(name) { return }
        let word = name.split(separator: ".").first.map(String.init) ?? name
        if let other = result.actions.first(where: { $0.action.name == word }) {
            checkOutput(name, of: other, position, path, action)
            return
        }
        if contract != nil, action.action.type != "message", shapes.isEmpty { return }
        let candidates = shapes.flatMap { $0?.fields ?? [] } + Self.runNames + outputNames(before: action)
        let nearest = NearestName.of(name, in: Set(candidates).sorted())
        if shapes.contains(where: { $0 == nil }) {
            sink.warning(position, path, "only the payload of an unknown event type could give ${\(name)}", nearest: nearest)
        } else {
            sink.error(
                position, path, "${\(name)} is not defined",
                expected: "a field of the payload, an earlier action's output, or env.NAME", nearest: nearest)
        }
    }

    private func outputNames(before action: ReadAction) -> [String] {
        let earlier = ActionGraph(result.actions).predecessors(of: action.action.name)
        return result.actions.filter { earlier.contains($0.action.name) }.flatMap { other in
            (CustomAction.outputs(of: other.action.type) ?? []).map { "\(other.action.name).\($0)" }
        }
    }

    private func checkOutput(_ name: String, of other: ReadAction, _ position: SourcePosition, _ path: String, _ action: ReadAction) {
        guard ActionGraph(result.actions).predecessors(of: action.action.name).contains(other.action.name) else {
            sink.error(position, path, "${\(name)}: the action '\(other.action.name)' does not come before '\(action.action.name)'")
            return
        }
        guard contract == nil, let outputs = CustomAction.outputs(of: other.action.type) else { return }
        let output = name.split(separator: ".", maxSplits: 2).dropFirst().first.map(String.init) ?? ""
        guard !outputs.contains(output) else { return }
        sink.error(
            position, path, "${\(name)} is not defined: '\(other.action.name)' has no output '\(output)'",
            expected: "one of \(outputs.joined(separator: ", "))",
            nearest: NearestName.of(output, in: outputs))
    }

    private func checkEnvironment(_ name: String, _ position: SourcePosition, _ path: String) {
        let permissions = result.configuration.permissions ?? contract?.permissions ?? []
        guard !EnvironmentPermission.allows(name, permissions) else { return }
        sink.error(
            position, path, "${\(name)}: the bot is not permitted to read that variable",
            expected: "{ resource: \(name), actions: [read] } in security.permissions")
    }

    private func place(of name: String, in node: YAMLNode) -> SourcePosition {
        guard let text = node.scalar?.text, let range = text.firstRange(of: "${\(name)}") ?? text.firstRange(of: "{{\(name)}}") else {
            return node.position
        }
        let before = text[..<range.lowerBound]
        let line = before.filter(\.isNewline).count + 1
        let column = (before.split(separator: "\n", omittingEmptySubsequences: false).last?.count ?? 0) + 1
        return node.place(line: line, column: column)
    }

    mutating func readNotifications(_ root: Fields) {
        let items = root.list("notifications", expected: "a list of notifications")
        let isRules = result.configuration.name == ConfigurationKnowledge.ruleBot
        var rules: [BotConfiguration.NotificationRule] = []
        for (index, item) in items.enumerated() {
            let path = "notifications[\(index)]"
            guard let fields = Fields(item, path: path, keys: ["event", "channels", "severity", "template"], sink: sink) else { continue }
            let event = fields.requiredString("event", expected: "an event type")
            let channels = fields.strings("channels", expected: "a list of channels")
            let severity: BotConfiguration.NotificationRule.Severity = fields.choice("severity") ?? .info
            let template = fields.string("template", expected: "a text")
            if let event, let node = fields["event"] {
                if isRules { checkRule(event, node, path) } else { checkNotified(event, node, "\(path).event") }
                if let template, let node = fields["template"] { check(template: template, node, "\(path).template", event) }
            }
            for (name, node) in channels { change { $0.channels.append((name, node.position, "\(path).channels")) } }
            guard let event else { continue }
            rules.append(
                BotConfiguration.NotificationRule(
                    event: EventType(event), channels: channels.map(\.text), severity: severity, template: template))
        }
        change { $0.configuration.notifications = rules }
    }

    private func checkRule(_ event: String, _ node: YAMLNode, _ path: String) {
        do throws(LanguageError) {
            let pattern = try EventPattern(parsing: event)
            guard !knowledge.events.isEmpty, !knowledge.events.keys.contains(where: pattern.matches) else { return }
            sink.warning(
                node.position, "\(path).event", "no topic has an event type that \(event) matches",
                nearest: NearestName.of(event, in: knowledge.events.keys.map(\.name).sorted()))
        } catch {
            sink.error(node, "\(path).event", "bad event pattern: \(error.message)", line: error.line, column: error.column)
        }
    }

    /// A bot notifies of what it produces itself.
    private func checkNotified(_ event: String, _ node: YAMLNode, _ path: String) {
        guard contract == nil else {
            checkProduces(event, at: node.position, path: path)
            return
        }
        let own = result.actions.compactMap { action -> String? in
            guard action.action.type == "message" else { return nil }
            return action.action.command == "send_notification" ? "notification.requested" : action.action.parameters["event"]?.string
        }
        guard !own.contains(event), !result.configuration.name.isEmpty else { return }
        sink.error(
            node.position, path, "\(result.configuration.name) does not produce \(event)",
            expected: own.isEmpty ? "an event of one of its message actions" : "one of \(own.joined(separator: ", "))",
            nearest: NearestName.of(event, in: own))
    }

    private func check(template: String, _ node: YAMLNode, _ path: String, _ event: String) {
        do throws(LanguageError) {
            let parsed = try Template(parsing: template, syntax: .both)
            let shapes = payloads(matching: event)
            guard !shapes.isEmpty else { return }
            for name in parsed.names where !Self.runNames.contains(name) {
                if shapes.contains(where: { $0 != nil && $0?.presence(of: name) != .undeclared }) { continue }
                let fields = shapes.flatMap { $0?.fields ?? [] }
                let nearest = NearestName.of(name, in: fields)
                let what =
                    shapes.contains { $0 == nil }
                    ? "only the payload of an unknown event type could give '\(name)'"
                    : "the payload of \(event) has no field '\(name)'; it will be empty"
                sink.warning(
                    place(of: name, in: node), path, what, expected: "one of \(Set(fields).sorted().joined(separator: ", "))",
                    nearest: nearest)
            }
        } catch {
            sink.error(node, path, "bad template: \(error.message)", line: error.line, column: error.column)
        }
    }
}

/// Which environment variables a bot may read.
public enum EnvironmentPermission {
    /// Whether `permissions` has `read` on `name` (`env.HOME`); `env.*` and `env.CI_*` are globs.
    public static func allows(_ name: String, _ permissions: [Permission]) -> Bool {
        permissions.contains { permission in
            permission.resource.hasPrefix("env.") && permission.actions.contains("read") && Glob(permission.resource).matches(name)
        }
    }
}
