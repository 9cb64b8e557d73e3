/// The shells that a completion script can be made for.
public enum Shell: String, Sendable, CaseIterable {
    case bash, zsh, fish
}

/// What may stand for a value.
enum ValueKind: Equatable {
    case choices([String])
    case file
    case directory
    /// Names that the program lists with `completion names KIND`.
    case names(String)
    case anything
}

/// What can follow the words of a command line so far: the parser's own tables, in the form that shells need.
struct CompletionTree {
    struct Node {
        /// The words so far, with spaces; empty at the beginning.
        let path: String
        /// Next words, each with its summary.
        let words: [(String, String)]
        /// The command that the words are; nil where more must follow.
        let command: Command?
    }
    let program: Program

    /// Every beginning of a command once, the empty one first.
    var nodes: [Node] {
        var paths = [[String]()]
        for command in program.commands {
            for length in 0...command.path.count where !paths.contains(Array(command.path.prefix(length))) {
                paths.append(Array(command.path.prefix(length)))
            }
        }
        return paths.map { path in
            Node(path: path.joined(separator: " "), words: words(after: path), command: program.commands.first { $0.path == path })
        }
    }

    func flags(of command: Command) -> [Flag] {
        command.flags + program.commonFlags + [Flag("help", help: "explain the command")]
    }

    func kind(of flag: Flag) -> ValueKind { kind(flag.value ?? "", flag.choices) }
    func kind(of argument: Argument) -> ValueKind { kind(argument.name, argument.choices) }

    private func kind(_ placeholder: String, _ choices: [String]) -> ValueKind {
        if !choices.isEmpty { return .choices(choices) }
        switch placeholder {
        case "FILE": return .file
        case "DIR", "REPOSITORY": return .directory
        default:
            let word = String(placeholder.prefix { $0.isLetter })
            return program.nameSources[word].map { .names($0) } ?? .anything
        }
    }

    private func words(after path: [String]) -> [(String, String)] {
        var words: [(String, String)] = []
        for command in program.commands where command.path.count > path.count && command.path.starts(with: path) {
            let word = command.path[path.count]
            if words.contains(where: { $0.0 == word }) { continue }
            let isLeaf = command.path.count == path.count + 1
            let family = program.commands.filter { $0.path.starts(with: path + [word]) }.map { $0.path.dropFirst(path.count + 1).joined() }
            words.append((word, isLeaf ? command.summary : family.joined(separator: ", ")))
        }
        return path.isEmpty ? words + [("help", "explain a command")] : words
    }
}

extension Program {
    /// A script that teaches a shell to complete commands, flags and their values.
    public func completion(for shell: Shell) -> String {
        let tree = CompletionTree(program: self)
        return switch shell {
        case .bash: tree.bash
        case .zsh: tree.zsh
        case .fish: tree.fish
        }
    }
}

/// `text` as one word of a shell, whatever it holds.
func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }
