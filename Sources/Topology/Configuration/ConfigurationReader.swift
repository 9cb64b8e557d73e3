import BotKit
import Envelopes

/// One configuration as it was read, with the places that later checks point to.
struct ReadConfiguration {
    var configuration: BotConfiguration
    let node: YAMLNode
    var namePosition: SourcePosition
    var actions: [ReadAction] = []
    /// Names of other bots, and where each stands.
    var mentions: [(name: String, kind: Mention, position: SourcePosition, path: String)] = []
    var channels: [(name: String, position: SourcePosition, path: String)] = []

    enum Mention { case required, optional, conflict, destination }
}

/// An action and its nodes.
struct ReadAction {
    var action: BotConfiguration.Action
    let path: String
    let node: YAMLNode
    /// False when it got its name from its place.
    let isNamed: Bool

    func node(_ key: String) -> YAMLNode { node[key] ?? node }
}

/// Reads one merged file into a configuration.
struct ConfigurationReader {
    let knowledge: ConfigurationKnowledge
    let sink: ProblemSink
    private(set) var result: ReadConfiguration

    static let sections = [
        "bot", "triggers", "actions", "constraints", "dependencies", "outputs", "security", "monitoring", "notifications",
    ]

    /// The built-in bot's contract; nil for a custom bot.
    var contract: Contract? { knowledge.contracts[result.configuration.name] }

    init(_ node: YAMLNode, knowledge: ConfigurationKnowledge, sink: ProblemSink) {
        self.knowledge = knowledge
        self.sink = sink
        result = ReadConfiguration(configuration: BotConfiguration(name: ""), node: node, namePosition: node.position)
    }

    mutating func read() -> ReadConfiguration {
        guard let root = Fields(result.node, path: "", keys: Self.sections, sink: sink) else { return result }
        readBot(root)
        readSecurity(root)
        readTriggers(root)
        readActions(root)
        readConstraints(root)
        readDependencies(root)
        readOutputs(root)
        readMonitoring(root)
        readNotifications(root)
        return result
    }

    private mutating func readBot(_ root: Fields) {
        guard root.isGiven("bot") else {
            root.missing("bot", expected: "a section with the bot's name")
            return
        }
        guard let bot = root.section("bot", keys: ["name", "version", "enabled", "description", "category"]) else { return }
        if let name = bot.requiredString("name", expected: "letters, digits, '-' and '_'") {
            result.namePosition = bot["name"]?.position ?? bot.node.position
            if Self.isName(name) {
                result.configuration.name = name
            } else {
                sink.error(
                    result.namePosition, "bot.name", "bot.name is '\(name.prefix(80))'", expected: "1 to 64 letters, digits, '-' and '_'")
            }
            if contract == nil, let near = knowledge.contracts.keys.first(where: { $0.lowercased() == name.lowercased() }) {
                sink.warning(
                    result.namePosition, "bot.name", "'\(name)' is a custom bot: it differs from the built-in bot in upper and lower case",
                    nearest: near)
            }
        }
        if let version = bot.string("version", expected: "a semantic version such as \"2.1.0\"") {
            if Self.isSemanticVersion(version) {
                result.configuration.version = version
            } else if let node = bot["version"] {
                sink.error(node.position, "bot.version", "bot.version is '\(version)'", expected: "a semantic version such as \"2.1.0\"")
            }
        }
        result.configuration.isEnabled = bot.bool("enabled") ?? true
        result.configuration.description = bot.string("description") ?? ""
        if let category: BotConfiguration.Category = bot.choice("category") { result.configuration.category = category }
    }

    static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x2D || byte == 0x5F
            }
    }

    /// Source: semver.org 2.0.0.
    static func isSemanticVersion(_ text: String) -> Bool {
        let build = text.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
        let release = build[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let numbers = release[0].split(separator: ".", omittingEmptySubsequences: false)
        func isNumber(_ part: Substring) -> Bool {
            !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) } && (part == "0" || part.first != "0")
                && part.utf8.count <= 18
        }
        func areWords(_ list: Substring) -> Bool {
            list.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { isName(String($0)) && !$0.contains("_") }
        }
        return numbers.count == 3 && numbers.allSatisfy(isNumber) && release.dropFirst().allSatisfy(areWords)
            && build.dropFirst().allSatisfy(areWords)
    }
}

extension ConfigurationReader {
    mutating func setTriggers(_ triggers: [BotConfiguration.Trigger]) { result.configuration.triggers = triggers }
    mutating func setActions(_ actions: [ReadAction]) {
        result.actions = actions
        result.configuration.actions = actions.map(\.action)
    }
    mutating func change(_ body: (inout ReadConfiguration) -> Void) { body(&result) }
}
