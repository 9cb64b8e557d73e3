import BotKit
import YAMLText

/// A repository's own `.botmesh.yaml`: steps for BuildBot under `build`, suites for TestBot under `test`, what to pack under `artifact`.
///
/// Other sections (`security`, `deploy`, …) belong to other bots and are left alone.
public struct RepositoryFile: Sendable, Equatable {
    public static let name = ".botmesh.yaml"

    public struct Step: Sendable, Equatable {
        public var name: String
        public var command: StepCommand
    }

    public struct Suite: Sendable, Equatable {
        public var name: String
        public var suite: TestSuite
    }

    /// nil: the file has no section `build`.
    public var build: [Step]?
    /// nil: the file has no section `test`.
    public var test: [Suite]?
    public var artifact: PackSettings?

    /// All that is wrong, each with its place.
    public struct Mistakes: Error, Sendable, Equatable, CustomStringConvertible {
        public let list: [String]
        public var description: String { list.joined(separator: "; ") }
    }

    public init(_ text: String) throws(Mistakes) {
        let root: YAMLNode
        do throws(YAMLError) {
            root = try YAML.parse(text, file: Self.name)
        } catch {
            throw Mistakes(list: [error.description])
        }
        var reader = RepositoryFileReader()
        if !root.isNull {
            guard root.pairs != nil else { throw Mistakes(list: ["\(root.position): expected sections, e.g. 'build:'"]) }
            build = root["build"].map { reader.steps($0) }
            test = root["test"].map { reader.suites($0) }
            artifact = root["artifact"].flatMap { reader.artifact($0) }
        }
        guard reader.mistakes.isEmpty else { throw Mistakes(list: reader.mistakes) }
    }
}

/// Reads the sections, noting every mistake.
private struct RepositoryFileReader {
    var mistakes: [String] = []

    private static let commandKeys = ["name", "command", "timeout", "directory", "environment", "network"]
    private static let suiteKeys = commandKeys + ["suite", "junit", "coverage", "coverage_threshold", "rerun_failed", "rerun_command"]
    private static let artifactKeys = ["paths", "exclude", "format"]
    private static let maximumItems = 100

    mutating func steps(_ node: YAMLNode) -> [RepositoryFile.Step] {
        items(node, keys: Self.commandKeys).enumerated().compactMap { index, item in
            command(item).map { RepositoryFile.Step(name: name(item, "step-\(index + 1)"), command: $0) }
        }
    }

    mutating func suites(_ node: YAMLNode) -> [RepositoryFile.Suite] {
        items(node, keys: Self.suiteKeys).enumerated().compactMap { index, item in
            guard let command = command(item) else { return nil }
            var kind = TestSuite.Kind.unit
            if let value = item["suite"] {
                if let known = value.string.flatMap(TestSuite.Kind.init) {
                    kind = known
                } else {
                    wrong(value, "suite: expected unit, integration or e2e")
                }
            }
            var threshold: Double?
            if let value = item["coverage_threshold"] {
                threshold = value.number
                if threshold.map({ (0...100).contains($0) }) != true { wrong(value, "coverage_threshold: expected a number from 0 to 100") }
            }
            let suite = TestSuite(
                kind: kind, command: command, junit: path(item, "junit"), coverage: path(item, "coverage"), coverageThreshold: threshold,
                rerunsFailed: bool(item, "rerun_failed", default: true), rerunCommand: text(item, "rerun_command"))
            return RepositoryFile.Suite(name: name(item, index == 0 ? kind.rawValue : "\(kind.rawValue)-\(index + 1)"), suite: suite)
        }
    }

    mutating func artifact(_ node: YAMLNode) -> PackSettings? {
        guard node.pairs != nil else {
            wrong(node, "artifact: expected paths, exclude or format")
            return nil
        }
        unknown(node, keys: Self.artifactKeys)
        let format = text(node, "format")
        if let format, !["tar.zst", "tar.gz"].contains(format) { wrong(node["format"] ?? node, "format: expected tar.zst or tar.gz") }
        return PackSettings(paths: paths(node, "paths"), excluding: paths(node, "exclude"), format: format)
    }

    private mutating func items(_ node: YAMLNode, keys: [String]) -> [YAMLNode] {
        if node.isNull { return [] }
        guard let items = node.sequence, items.count <= Self.maximumItems else {
            wrong(node, "expected a list of at most \(Self.maximumItems) steps, each with a command")
            return []
        }
        var names: Set<String> = []
        for item in items {
            guard item.pairs != nil else {
                wrong(item, "expected a step: name, command …")
                continue
            }
            unknown(item, keys: keys)
            if let name = item["name"], let text = name.string, !names.insert(text).inserted {
                wrong(name, "the name '\(text)' is there twice")
            }
        }
        return items.filter { $0.pairs != nil }
    }

    private mutating func command(_ item: YAMLNode) -> StepCommand? {
        guard let line = text(item, "command") else {
            if item["command"] == nil { wrong(item, "command is missing") }
            return nil
        }
        var limit = Duration.seconds(600)
        if let value = item["timeout"] {
            if let seconds = value.number, seconds > 0, seconds <= 86_400 {
                limit = .milliseconds(Int64(seconds * 1000))
            } else {
                wrong(value, "timeout: expected seconds, more than 0 and at most 86400")
            }
        }
        var environment: [String: String] = [:]
        if let value = item["environment"] {
            if value.pairs == nil { wrong(value, "environment: expected names with a value each") }
            for pair in value.pairs ?? [] {
                let isName = !pair.key.isEmpty && !pair.key.contains("=") && !pair.key.utf8.contains(0)
                if let scalar = pair.value.scalar, isName {
                    environment[pair.key] = scalar.text
                } else {
                    wrong(pair.value, "environment: expected NAME: text")
                }
            }
        }
        return StepCommand(
            .shell(line), directory: path(item, "directory") ?? "", environment: environment, timeLimit: limit,
            needsNetwork: bool(item, "network", default: false))
    }

    private mutating func name(_ item: YAMLNode, _ standard: String) -> String {
        guard let name = text(item, "name") else { return standard }
        if name.utf8.count > 100 { wrong(item["name"] ?? item, "name: at most 100 bytes") }
        return name
    }

    private mutating func text(_ item: YAMLNode, _ key: String) -> String? {
        guard let value = item[key] else { return nil }
        guard let text = value.string, !text.isEmpty, !text.utf8.contains(0) else {
            wrong(value, "\(key): expected a text")
            return nil
        }
        return text
    }

    private mutating func bool(_ item: YAMLNode, _ key: String, default standard: Bool) -> Bool {
        guard let value = item[key] else { return standard }
        guard let bool = value.bool else {
            wrong(value, "\(key): expected true or false")
            return standard
        }
        return bool
    }

    private mutating func path(_ item: YAMLNode, _ key: String) -> String? {
        guard let text = text(item, key) else { return nil }
        if !Self.isBelow(text) { wrong(item[key] ?? item, "\(key): expected a path below the workspace") }
        return text
    }

    private mutating func paths(_ item: YAMLNode, _ key: String) -> [String] {
        guard let value = item[key] else { return [] }
        let texts = (value.sequence ?? [value]).compactMap(\.string)
        guard !texts.isEmpty, texts.count == value.sequence?.count ?? 1, texts.allSatisfy({ Self.isBelow($0) && !$0.isEmpty }) else {
            wrong(value, "\(key): expected paths below the workspace")
            return []
        }
        return texts
    }

    private mutating func unknown(_ node: YAMLNode, keys: [String]) {
        for pair in node.pairs ?? [] where !keys.contains(pair.key) {
            let nearest = NearestName.of(pair.key, in: keys)
            mistakes.append(
                "\(pair.keyPosition): '\(pair.key.prefix(60))' is not known here\(nearest.map { ", did you mean '\($0)'" } ?? "")")
        }
    }

    private mutating func wrong(_ node: YAMLNode, _ message: String) { mistakes.append("\(node.position): \(message)") }

    private static func isBelow(_ path: String) -> Bool {
        !path.hasPrefix("/") && !path.hasPrefix("-") && !path.split(separator: "/").contains("..")
    }
}
