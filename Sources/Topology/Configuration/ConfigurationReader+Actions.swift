import BotKit
import Envelopes

extension ConfigurationReader {
    static let generalSteps = ["execute", "message", "http"]
    private static let actionKeys = ["name", "type", "command", "parameters", "timeout", "on_success", "on_failure"]

    mutating func readActions(_ root: Fields) {
        let items = root.list("actions", expected: "a list of actions")
        if items.isEmpty, contract == nil, !result.configuration.name.isEmpty {
            root.missing(
                "actions", expected: "at least one action: '\(result.configuration.name)' is a custom bot, and its actions define it")
        }
        var actions = items.enumerated().compactMap { action($1, index: $0) }
        joinUnnamed(&actions)
        var first: [String: SourcePosition] = [:]
        for action in actions {
            let position = action.node("name").position
            if let earlier = first[action.action.name] {
                sink.error(
                    position, "\(action.path).name",
                    "the action name '\(action.action.name)' stands twice; the first is in line \(earlier.line)")
            } else {
                first[action.action.name] = position
            }
        }
        setActions(actions)
        ActionGraph(actions).check(sink, as: contract?.actionForm ?? .run)
        for action in actions { checkContent(action) }
    }

    private func action(_ node: YAMLNode, index: Int) -> ReadAction? {
        let path = "actions[\(index)]"
        guard let fields = Fields(node, path: path, keys: Self.actionKeys, sink: sink) else { return nil }
        let name = fields.string("name", expected: "letters, digits, '-' and '_'")
        if let name, !Self.isName(name), let node = fields["name"] {
            sink.error(
                node.position, fields.at("name"), "the action's name is '\(name.prefix(80))'",
                expected: "1 to 64 letters, digits, '-' and '_'")
        }
        let type = step(fields)
        if let parameters = fields["parameters"], parameters.pairs == nil {
            fields.wrong("parameters", parameters, expected: "a mapping")
        }
        let action = BotConfiguration.Action(
            name: name ?? "action_\(index + 1)", type: type ?? "", command: fields.string("command", expected: "a command"),
            parameters: fields["parameters"].flatMap { $0.pairs == nil ? nil : $0.json } ?? .object([:]),
            timeout: fields.seconds("timeout"),
            onSuccess: fields.string("on_success", expected: "an action's name"),
            onFailure: fields.string("on_failure", expected: "an action's name"))
        return ReadAction(action: action, path: path, node: node, isNamed: name != nil)
    }

    private func step(_ fields: Fields) -> String? {
        let allowed = Self.generalSteps + (contract?.steps ?? [])
        guard let type = fields.requiredString("type", expected: "one of \(allowed.joined(separator: ", "))"), let node = fields["type"]
        else { return nil }
        if allowed.contains(type) { return type }
        let bot = result.configuration.name.isEmpty ? "this bot" : result.configuration.name
        let owner = knowledge.stepOwners[type].map { "\(type) is a step of \($0), which \(bot) may not use" }
        sink.error(
            node.position, fields.at("type"), owner ?? "\(fields.at("type")) is '\(type)'",
            expected: "one of \(allowed.joined(separator: ", "))",
            nearest: NearestName.of(type, in: allowed))
        return nil
    }

    /// The older form: nobody can point to an action without a name, so the one before it goes on to it.
    private func joinUnnamed(_ actions: inout [ReadAction]) {
        for index in actions.indices.dropLast() where actions[index].action.onSuccess == nil && !actions[index + 1].isNamed {
            actions[index].action.onSuccess = actions[index + 1].action.name
        }
    }

    private func checkContent(_ action: ReadAction) {
        switch action.action.type {
        case "execute": checkExecute(action)
        case "message": checkMessage(action)
        case "http": checkHTTP(action)
        default: break
        }
        checkNames(in: action)
    }

    private func checkExecute(_ action: ReadAction) {
        guard let command = action.action.command else {
            if action.node["command"] == nil {
                sink.error(
                    action.node.position, "\(action.path).command", "\(action.path).command is missing", expected: "the command to run")
            }
            return
        }
        do throws(LanguageError) {
            _ = try CommandTemplate(parsing: command)
        } catch {
            sink.error(
                action.node("command"), "\(action.path).command", "bad command: \(error.message)", line: error.line, column: error.column)
        }
    }

    private func checkHTTP(_ action: ReadAction) {
        guard contract == nil else { return }
        let path = "\(action.path).parameters"
        guard let node = action.node["parameters"], let fields = Fields(node, path: path, keys: CustomAction.httpKeys, sink: sink) else {
            if action.node["parameters"] == nil {
                sink.error(action.node.position, "\(path).url", "\(path).url is missing", expected: "the URL to call")
            }
            return
        }
        if let url = fields.requiredString("url", expected: "the URL to call"), !url.hasPrefix("http://"), !url.hasPrefix("https://"),
            !url.hasPrefix("${")
        {
            sink.error(
                fields["url"]?.position ?? node.position, "\(path).url", "\(path).url is '\(url.prefix(80))'",
                expected: "a URL that begins with http:// or https://")
        }
        _ = fields.choice("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
        if let headers = fields["headers"] { _ = Fields(headers, path: "\(path).headers", keys: nil, sink: sink) }
    }

    private func checkMessage(_ action: ReadAction) {
        let command = action.action.command ?? "send_message"
        guard CustomAction.messageCommands.contains(command) else {
            sink.error(
                action.node("command").position, "\(action.path).command", "\(action.path).command is '\(command)'",
                expected: "one of \(CustomAction.messageCommands.joined(separator: ", "))",
                nearest: NearestName.of(command, in: CustomAction.messageCommands))
            return
        }
        let path = "\(action.path).parameters"
        let isNotification = command == "send_notification"
        let keys = isNotification ? CustomAction.notificationKeys : CustomAction.messageKeys
        guard let node = action.node["parameters"] else {
            sink.error(
                action.node.position, path, "\(path) is missing",
                expected: "a mapping with \(isNotification ? "title and text" : "event and payload")")
            return
        }
        guard let fields = Fields(node, path: path, keys: keys, sink: sink) else { return }
        if let severity = fields["severity"], severity.string?.hasPrefix("${") != true {
            let _: BotConfiguration.NotificationRule.Severity? = fields.choice("severity")
        }
        _ = fields.choice("priority", ["critical", "high", "medium", "low"])
        if isNotification {
            _ = fields.requiredString("title", expected: "the notification's headline")
            checkProduces("notification.requested", at: node.position, path: path)
        } else {
            checkEvent(fields)
        }
    }

    private func checkEvent(_ fields: Fields) {
        guard let event = fields.requiredString("event", expected: "the type of the event to produce"), let node = fields["event"] else {
            return
        }
        guard EventType(event).isLegal else {
            sink.error(
                node.position, fields.at("event"), "'\(event.prefix(80))' cannot be an event type",
                expected: "letters, digits, '.', '_' and '-'")
            return
        }
        checkProduces(event, at: node.position, path: fields.at("event"))
        guard let payload = fields["payload"] else { return }
        if let contract, event != NotificationRequested.type.name {
            sink.warning(
                payload.position, fields.at("payload"),
                "\(contract.name) produces \(event) itself, with a payload of its own; this one has no effect")
            return
        }
        guard let given = Fields(payload, path: fields.at("payload"), keys: nil, sink: sink),
            let shape = knowledge.events[EventType(event)]?.payload
        else { return }
        let missing = shape.required.filter { given[$0] == nil && !($0 == "severity" && fields.isGiven("severity")) }
        guard !missing.isEmpty else { return }
        sink.error(
            payload.position, fields.at("payload"), "the payload of \(event) lacks \(missing.joined(separator: ", "))",
            expected: "at least the fields \(shape.required.joined(separator: ", "))")
    }

    /// An event that the bot may not produce is an error; one that no topic has is a warning.
    func checkProduces(_ event: String, at position: SourcePosition, path: String) {
        let type = EventType(event)
        let name = result.configuration.name
        if let contract {
            guard !contract.produces.contains(type) else { return }
            let names = contract.produces.map(\.name).sorted()
            sink.error(
                position, path, "\(name) may not produce \(event)", expected: "one of \(names.joined(separator: ", "))",
                nearest: NearestName.of(event, in: names))
            return
        }
        guard let known = knowledge.events[type] else {
            guard !knowledge.events.isEmpty else { return }
            let names = knowledge.events.filter { $0.value.mayBeProducedBy(name) }.keys.map(\.name).sorted()
            sink.warning(
                position, path, "no topic has the event type \(event); it will be the bot's own", nearest: NearestName.of(event, in: names))
            return
        }
        if !name.isEmpty, !known.mayBeProducedBy(name) {
            sink.error(
                position, path, "\(name) may not produce \(event)",
                expected:
                    "an event type of its own, or one that every bot may produce; this one is for \(known.producers.joined(separator: ", "))"
            )
        }
    }
}

/// The forms of a custom bot's actions.
enum CustomAction {
    static let messageCommands = ["send_message", "send_notification"]
    static let messageKeys = ["event", "payload", "severity", "priority", "key"]
    static let notificationKeys = ["title", "text", "severity", "channels", "priority", "dedup_key"]
    static let httpKeys = ["url", "method", "headers", "body", "expected_status"]
    /// What an action leaves behind for later ones, as `${name.output}`.
    static func outputs(of type: String) -> [String]? {
        switch type {
        case "execute": ["exit_status", "output", "stdout", "stderr", "duration_seconds", "failure"]
        case "http": ["status", "body", "failure"]
        case "message": ["failure"]
        default: nil
        }
    }
}
