import BotKit
import Envelopes

/// Turns a configuration's actions into a pipeline, for the bots that run one.
struct PipelineReader {
    let configuration: BotConfiguration
    let contract: Contract
    let allowsNetwork: Bool

    init(_ configuration: BotConfiguration, _ contract: Contract) {
        self.configuration = configuration
        self.contract = contract
        let permissions = configuration.permissions ?? contract.permissions
        allowsNetwork = permissions.contains { $0.resource == "network" && $0.actions.contains("use") }
    }

    var limits: WorkLimits {
        WorkLimits(memoryBytes: configuration.constraints.resources.memoryBytes ?? WorkLimits().memoryBytes, allowsNetwork: allowsNetwork)
    }

    /// - Parameter work: reads an action of the bot's own step types; nil for a type that it does not know.
    func pipeline(
        _ work: (BotConfiguration.Action, inout ActionParameters) throws(ConfigurationError) -> PipelineWork?
    ) throws(ConfigurationError) -> Pipeline {
        var steps: [PipelineStep] = []
        for (index, action) in configuration.actions.enumerated() {
            var parameters = ActionParameters(action, index: index)
            let path = "actions[\(index)]"
            let done: PipelineWork
            if let own = try work(action, &parameters) {
                done = own
                try parameters.finish()
            } else if action.type == "execute" {
                done = .run(try command(action, index: index, &parameters))
                try parameters.finish()
            } else if action.type == "message" {
                try checkMessage(action, path: path)
                done = .message
            } else {
                throw ConfigurationError(
                    path: "\(path).type",
                    message:
                        "\(contract.name) has no step '\(action.type)'; it has execute, message, \(contract.steps.joined(separator: ", "))")
            }
            for next in [action.onSuccess, action.onFailure].compactMap({ $0 })
            where !configuration.actions.contains(where: { $0.name == next }) {
                throw ConfigurationError(path: path, message: "leads to '\(next)', which is no action")
            }
            steps.append(PipelineStep(name: action.name, work: done, onSuccess: action.onSuccess, onFailure: action.onFailure))
        }
        return Pipeline(steps: steps)
    }

    func command(_ action: BotConfiguration.Action, index: Int, _ parameters: inout ActionParameters) throws(ConfigurationError)
        -> StepCommand
    {
        let path = "actions[\(index)]"
        guard let text = action.command else { throw ConfigurationError(path: path, message: "has no command") }
        do throws(LanguageError) {
            _ = try CommandTemplate(parsing: text)
        } catch {
            throw ConfigurationError(path: "\(path).command", message: error.message)
        }
        let directory = try parameters.string("directory") ?? ""
        guard Self.isBelow(directory) else { throw parameters.error("directory", "expected a directory below the workspace") }
        let needsNetwork = try parameters.bool("network", default: false)
        guard !needsNetwork || allowsNetwork else {
            throw parameters.error("network", "needs { resource: network, actions: [use] } in security.permissions")
        }
        return StepCommand(
            .template(text), directory: directory, environment: try parameters.texts("environment"),
            timeLimit: action.timeout ?? .seconds(600), needsNetwork: needsNetwork)
    }

    /// Whether a path is relative and stays below where it begins.
    static func isBelow(_ path: String) -> Bool {
        !path.hasPrefix("/") && !path.hasPrefix("-") && !path.utf8.contains(0) && !path.split(separator: "/").contains("..")
    }

    static func paths(_ name: String, _ parameters: inout ActionParameters) throws(ConfigurationError) -> [String] {
        let paths = try parameters.strings(name) ?? []
        guard paths.allSatisfy({ isBelow($0) && !$0.isEmpty }) else { throw parameters.error(name, "expected paths below the workspace") }
        return paths
    }

    private func checkMessage(_ action: BotConfiguration.Action, path: String) throws(ConfigurationError) {
        if action.command == "send_notification" { return }
        guard let event = action.parameters["event"]?.string, contract.produces.contains(EventType(event)) else {
            throw ConfigurationError(
                path: "\(path).parameters.event",
                message: "\(contract.name) produces \(contract.produces.map(\.name).joined(separator: ", "))")
        }
    }

    /// What the `message` actions that a run came by say to people. Messages of the bot's own events say nothing more: the bot produces those itself, once.
    func notifications(_ names: [String], repository: String, values: JSONValue) -> [NotificationRequested] {
        names.compactMap { name in
            guard let action = configuration.actions.first(where: { $0.name == name }) else { return nil }
            let isNotification =
                action.command == "send_notification" || action.parameters["event"]?.string == NotificationRequested.type.name
            guard isNotification else { return nil }
            let fields = action.command == "send_notification" ? action.parameters : action.parameters["payload"] ?? .object([:])
            func text(_ field: String) -> String? {
                guard let text = fields[field]?.string else { return nil }
                do throws(LanguageError) {
                    return try Template(parsing: text, syntax: .dollar).render { values[dotted: $0] }
                } catch {
                    return text
                }
            }
            let title = text("title") ?? "\(contract.name): \(name)"
            let severity = text("severity") ?? action.parameters["severity"]?.string ?? ""
            return NotificationRequested(
                title: title, text: text("text") ?? title, severity: Severity(rawValue: severity) ?? .info,
                channels: (fields["channels"]?.array ?? []).compactMap(\.string), dedupKey: text("dedup_key"), repository: repository)
        }
    }
}

/// A text cut to fit into an event.
func cut(_ text: String, to bytes: Int) -> String {
    guard text.utf8.count > bytes else { return text }
    var end = text.utf8.index(text.startIndex, offsetBy: bytes)
    while text.utf8[end] & 0xc0 == 0x80 { end = text.utf8.index(before: end) }
    return text[..<end] + "…"
}

/// The time from an event to now, in seconds; 0 when the clocks disagree.
func elapsedSeconds(since event: Event, _ context: Context) -> Double {
    Double(max(0, context.now.milliseconds - event.envelope.timestamp.milliseconds)) / 1000
}
