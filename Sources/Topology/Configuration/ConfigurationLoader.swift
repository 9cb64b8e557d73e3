import BotKit
import Envelopes

/// A configuration file, perhaps with the overlay of an environment over it.
public struct ConfigurationSource: Sendable {
    public struct Text: Sendable {
        /// The path that messages carry.
        public let file: String
        public let bytes: [UInt8]

        public init(file: String, bytes: [UInt8]) {
            self.file = file
            self.bytes = bytes
        }
    }

    public let base: Text
    public let overlay: Text?

    public init(_ base: Text, overlay: Text? = nil) {
        self.base = base
        self.overlay = overlay
    }
}

/// One bot's configuration, checked.
public struct LoadedConfiguration: Sendable {
    public let configuration: BotConfiguration
    /// Whether its actions alone define the bot.
    public let isCustom: Bool
    /// The merged file; each node knows the file that it came from.
    public let node: YAMLNode
    /// The file without the overlay.
    public let file: String
}

/// All configurations of a mesh, and all that is wrong with them.
public struct LoadedMesh: Sendable {
    public let bots: [LoadedConfiguration]
    /// In the order of files, lines and columns.
    public let problems: [Problem]

    public var errors: [Problem] { problems.filter { $0.severity == .error } }
    public var warnings: [Problem] { problems.filter { $0.severity == .warning } }

    /// The event types that custom bots bring with them: produced by a message action, and known to no topic. Each gets a topic of its own.
    public func ownEvents(beside catalogue: EventCatalogue) -> [EventDefinition] {
        bots.filter(\.isCustom).flatMap { bot in
            bot.configuration.actions.compactMap { action in
                guard action.type == "message", let name = action.parameters["event"]?.string, catalogue[EventType(name)] == nil else {
                    return nil
                }
                return EventDefinition(
                    type: EventType(name), summary: "Produced by the custom bot \(bot.configuration.name).", owner: bot.configuration.name,
                    producers: [], retention: .seconds(30 * 86_400))
            }
        }
    }

    public subscript(_ name: String) -> LoadedConfiguration? { bots.first { $0.configuration.name == name } }
}

/// Reads configuration files, checks them alone and together, and reports everything that is wrong at once. Pure: it reads no file.
public enum ConfigurationLoader {
    /// - Parameters:
    ///   - isWholeMesh: true when `sources` are all bots of the mesh; then a required bot that is missing is an error, else a warning.
    ///   - variables: the process's environment, when the configurations are about to be used: `${env.NAME}` in a built-in bot's parameters is filled from it, and a variable that is
    ///     not set is an error. nil when they are only checked.
    public static func load(
        _ sources: [ConfigurationSource], knowledge: ConfigurationKnowledge, isWholeMesh: Bool = false, variables: [String: String]? = nil
    ) -> LoadedMesh {
        let sink = ProblemSink()
        var read: [ReadConfiguration] = []
        var files: [String] = []
        for source in sources {
            guard let node = node(of: source, sink) else { continue }
            let before = sink.problems.count
            var reader = ConfigurationReader(node, knowledge: knowledge, sink: sink)
            var configuration = reader.read()
            if let variables, configuration.configuration.isEnabled {
                Environment.fill(&configuration, isCustom: reader.contract == nil, variables, reader.contract, sink)
            }
            // The bot itself judges only what is sound otherwise.
            let isSound = !sink.problems[before...].contains { $0.severity == .error }
            if isSound, let error = knowledge.judge(configuration.configuration) {
                sink.error(node.place(path: error.path), error.path, "\(error.path): \(error.message)")
            }
            read.append(configuration)
            files.append(source.base.file)
        }
        MeshCheck(bots: read, knowledge: knowledge, isWhole: isWholeMesh, sink: sink).run()
        let bots = zip(read, files).map { bot, file in
            LoadedConfiguration(
                configuration: bot.configuration, isCustom: knowledge.contracts[bot.configuration.name] == nil, node: bot.node, file: file)
        }
        let order = Dictionary(sources.enumerated().map { ($1.base.file, $0) }, uniquingKeysWith: { first, _ in first })
        let problems = sink.problems.sorted { left, right in
            let (leftOrder, rightOrder) = (order[left.position.file] ?? .max, order[right.position.file] ?? .max)
            return leftOrder == rightOrder ? left.position < right.position : leftOrder < rightOrder
        }
        return LoadedMesh(bots: bots, problems: problems)
    }

    private static func node(of source: ConfigurationSource, _ sink: ProblemSink) -> YAMLNode? {
        func read(_ text: ConfigurationSource.Text) -> YAMLNode? {
            let (node, errors) = YAML.read(bytes: text.bytes, file: text.file)
            for error in errors { sink.error(error.position, "", error.message) }
            return node
        }
        let base = read(source.base)
        guard let text = source.overlay else { return base }
        guard let base, let overlay = read(text), !overlay.isNull else { return base }
        if let name = overlay["bot"]?["name"], let original = base["bot"]?["name"], name.json != original.json {
            sink.error(name.position, "bot.name", "an overlay cannot rename the bot", nearest: original.string)
        }
        return Overlay.merge(base, with: overlay)
    }
}

/// `${env.NAME}` of configurations that are about to be used.
enum Environment {
    static func fill(
        _ read: inout ReadConfiguration, isCustom: Bool, _ variables: [String: String], _ contract: Contract?, _ sink: ProblemSink
    ) {
        let permissions = read.configuration.permissions ?? contract?.permissions ?? []
        var used: [String: String] = [:]
        func value(_ name: String, _ action: ReadAction) -> JSONValue? {
            guard name.hasPrefix("env."), EnvironmentPermission.allows(name, permissions) else { return nil }
            let variable = String(name.dropFirst(4))
            guard let value = variables[variable] else {
                sink.error(action.node.position, action.path, "${\(name)}: the variable \(variable) is not set")
                return .string("")
            }
            used[variable] = value
            return .string(value)
        }
        for index in read.actions.indices {
            let action = read.actions[index]
            if let command = action.action.command, let names = try? Template(parsing: command, syntax: .dollar).names {
                for name in names { _ = value(name, action) }
            }
            let filled = action.action.parameters.filled { value($0, action) }
            // A custom bot fills its parameters itself, with the payload, once: what a variable holds must not be read as a template.
            if !isCustom { read.actions[index].action.parameters = filled }
        }
        read.configuration.actions = read.actions.map(\.action)
        read.configuration.environment = used
    }
}

extension JSONValue {
    /// The same with every `${name}` filled in for which `value` has one; others stay as they are.
    fileprivate func filled(_ value: (String) -> JSONValue?) -> JSONValue {
        switch self {
        case .string(let text):
            guard text.contains("${env."), let template = try? Template(parsing: text, syntax: .dollar) else { return self }
            return .string(
                template.pieces.map { piece in
                    switch piece {
                    case .text(let text): text
                    case .name(let name): value(name)?.plainText ?? "${\(name)}"
                    }
                }.joined())
        case .array(let items): return .array(items.map { $0.filled(value) })
        case .object(let members): return .object(members.mapValues { $0.filled(value) })
        default: return self
        }
    }
}
