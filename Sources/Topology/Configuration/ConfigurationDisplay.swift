import BotKit
import Envelopes

/// `mesh config show NAME [--environment NAME] [--format yaml|json]`: the merged configuration, with the file that each value came from.
public enum ConfigurationDisplay {
    public static func make(
        name: String, directory: String, environment: String? = nil, asJSON: Bool = false, knowledge: ConfigurationKnowledge
    ) -> CommandReport {
        let sources: [ConfigurationSource]
        do throws(ConfigurationFiles.ReadError) {
            sources = try ConfigurationFiles.sources(directory: directory, environment: environment)
        } catch {
            return CommandReport(output: "\(error)\n", exitStatus: 2)
        }
        let mesh = ConfigurationLoader.load(sources, knowledge: knowledge, isWholeMesh: true)
        guard let bot = mesh[name] else {
            let names = mesh.bots.map(\.configuration.name)
            let nearest = NearestName.of(name, in: names).map { ", nearest is '\($0)'" } ?? ""
            return CommandReport(
                output: "\(directory): there is no bot '\(name)', expected one of \(names.sorted().joined(separator: ", "))\(nearest)\n",
                exitStatus: 2)
        }
        let own = Set(places(in: bot.node, path: "").map(\.position.file)).union([bot.file])
        let problems = mesh.problems.filter { own.contains($0.position.file) }
        let body = asJSON ? json(bot) : text(bot)
        let failed = problems.contains { $0.severity == .error }
        let notes = asJSON ? "" : problems.map { "# \($0)\n" }.joined()
        return CommandReport(output: body + notes, exitStatus: failed ? 1 : 0)
    }

    /// Every scalar and empty collection of a tree, with its path.
    static func places(in node: YAMLNode, path: String) -> [(path: String, position: SourcePosition)] {
        switch node.content {
        case .mapping(let pairs) where !pairs.isEmpty:
            pairs.flatMap { places(in: $0.value, path: path.isEmpty ? $0.key : "\(path).\($0.key)") }
        case .sequence(let items) where !items.isEmpty: items.enumerated().flatMap { places(in: $1, path: "\(path)[\($0)]") }
        default: [(path, node.position)]
        }
    }

    private static func json(_ bot: LoadedConfiguration) -> String {
        let origins = places(in: bot.node, path: "").map { ($0.path, JSONValue.string("\($0.position.file):\($0.position.line)")) }
        let value = JSONValue.object([
            "configuration": bot.node.json, "origins": .object(Dictionary(origins, uniquingKeysWith: { first, _ in first })),
        ])
        return value.plainText + "\n"
    }

    private static func text(_ bot: LoadedConfiguration) -> String {
        var lines: [(text: String, origin: SourcePosition?)] = []
        write(bot.node, indentation: 0, prefix: "", into: &lines)
        let width = min(80, lines.filter { $0.origin != nil }.map(\.text.count).max() ?? 0)
        return lines.map { line in
            guard let origin = line.origin else { return line.text + "\n" }
            let padding = String(repeating: " ", count: max(0, width - line.text.count))
            return "\(line.text)\(padding)  # \(origin.file):\(origin.line)\n"
        }.joined()
    }

    /// `prefix` is what stands on the line before the node: a key, or the dash of a list.
    private static func write(
        _ node: YAMLNode, indentation: Int, prefix: String, into lines: inout [(text: String, origin: SourcePosition?)]
    ) {
        let space = String(repeating: " ", count: indentation)
        // Behind `- key:` the key itself stands two columns further in.
        let keyColumn = prefix.hasPrefix("- ") && prefix.count > 2 ? indentation + 2 : indentation
        switch node.content {
        case .scalar(let scalar): lines.append(("\(space)\(prefix)\(YAMLWriter.scalar(scalar))", node.position))
        case .sequence(let items):
            if items.isEmpty || items.allSatisfy({ $0.scalar != nil }) && items.count <= 8 {
                let list = items.compactMap(\.scalar).map(YAMLWriter.scalar).joined(separator: ", ")
                lines.append(("\(space)\(prefix)[\(list)]", node.position))
                return
            }
            lines.append(("\(space)\(prefix)".trimmedEnd, nil))
            for item in items { write(item, indentation: keyColumn + 2, prefix: "- ", into: &lines) }
        case .mapping(let pairs):
            if pairs.isEmpty {
                lines.append(("\(space)\(prefix){}", node.position))
                return
            }
            var inner = keyColumn
            var lead = ""
            if prefix == "- " {
                // The first key stands behind the dash.
                lead = "- "
                inner += 2
            } else if !prefix.isEmpty {
                lines.append(("\(space)\(prefix)".trimmedEnd, nil))
                inner += 2
            }
            for (index, pair) in pairs.enumerated() {
                let isFirst = index == 0 && !lead.isEmpty
                write(
                    pair.value, indentation: isFirst ? inner - 2 : inner,
                    prefix: (isFirst ? lead : "") + YAMLWriter.string(pair.key) + ": ",
                    into: &lines)
            }
        }
    }
}

extension String {
    fileprivate var trimmedEnd: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}

/// Writes scalars so that they are read back as what they were.
enum YAMLWriter {
    static func scalar(_ scalar: YAMLScalar) -> String {
        switch scalar.value {
        case .string(let text): string(text)
        case .null: "null"
        default: scalar.text
        }
    }

    static func string(_ text: String) -> String {
        let isPlain =
            !text.isEmpty && YAMLScalar.Value.resolve(plain: text) == .string(text)
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || "_-./ ".utf8.contains(byte)
            } && text.first != " " && text.last != " " && text.first != "-" && text.first != "."
        return isPlain ? text : JSONValue.array([.string(text)]).plainText.dropFirst().dropLast().description
    }
}
