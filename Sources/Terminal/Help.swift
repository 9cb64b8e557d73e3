import BotKit

extension Program {
    /// What `--help` prints: for a program with groups every command's name, else each with its summary.
    public func help(width: Int = Program.helpWidth) -> String {
        if commands.count == 1, commands[0].path.isEmpty { return help(for: commands[0], width: width) }
        if groups.isEmpty { return fullHelp(width: width) }
        let rows = grouped.map { ($0.title, Self.compact($0.commands)) }
        let flags = Glossary(rows: commonFlags.map(\.row)).lines(width: width)
        return head(width)
            + text(Glossary(rows: rows).lines(width: width) + [""] + flags + [""])
            + text("\(name) help COMMAND explains one of them; \(name) help all says in a line what each does.".wrapped(to: width))
    }

    /// What `help all` prints: each command with its summary.
    public func fullHelp(width: Int = Program.helpWidth) -> String {
        let sections = grouped.map { group -> [String] in
            let rows = Glossary(rows: group.commands.map { ($0.name, $0.summary) }).lines(width: width)
            return (group.title.isEmpty ? [] : [group.title]) + rows + [""]
        }
        return head(width) + text(sections.flatMap { $0 } + ["\(name) help COMMAND says more about one of them."])
    }

    /// What `COMMAND --help` prints.
    public func help(for command: Command, width: Int = Program.helpWidth) -> String {
        var lines = command.summary.wrapped(to: width) + ["", "usage: \(usage(of: command))"]
        if !command.discussion.isEmpty { lines += [""] + Self.discussion(command.discussion, width) }
        if !command.json.isEmpty { lines += [""] + command.jsonSentence.wrapped(to: width) }
        if !command.arguments.isEmpty { lines += [""] + Glossary(rows: command.arguments.map(\.row)).lines(width: width) }
        if !command.flags.isEmpty { lines += [""] + Glossary(rows: command.flags.map(\.row)).lines(width: width) }
        if !commonFlags.isEmpty { lines += [""] + Glossary(rows: commonFlags.map(\.row)).lines(width: width) }
        let below = commands.filter { !command.path.isEmpty && $0.path.count > command.path.count && $0.path.starts(with: command.path) }
        if !below.isEmpty { lines += [""] + Glossary(rows: below.map { ("\(name) \($0.name)", $0.summary) }).lines(width: width) }
        return text(lines)
    }

    /// The commands that begin with `word`, each with its summary.
    func help(ofFamily word: String, width: Int = Program.helpWidth) -> String? {
        let family = commands.filter { $0.path.first == word && $0.path.count > 1 }
        guard !family.isEmpty, !commands.contains(where: { $0.path == [word] }) else { return nil }
        let rows = Glossary(rows: family.map { ($0.name, $0.summary) }).lines(width: width)
        let end = ["", "\(name) help \(word) COMMAND says more about one of them."]
        return text(["usage: \(name) \(word) COMMAND [FLAG …]", ""] + rows + end)
    }

    /// Columns of help where nothing else is known.
    public static let helpWidth = 80

    /// The command's form in one line.
    func usage(of command: Command) -> String {
        let words = [name] + command.path + command.arguments.map(\.form)
        return (words + (command.flags.isEmpty && commonFlags.isEmpty ? [] : ["[FLAG …]"])).joined(separator: " ")
    }

    /// `help` is the command line that says more where no name is near.
    func suggestion(for word: String, among names: [String], help: String? = nil) -> String {
        if let nearest = NearestName.of(word, in: names) { return "; did you mean '\(nearest)'?" }
        return ". Try: \(help ?? "\(name) --help")"
    }

    private func head(_ width: Int) -> String { text(summary.wrapped(to: width) + ["", "usage: \(name) COMMAND [FLAG …]", ""]) }

    private func text(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }

    /// Lines of one paragraph are joined before they are wrapped: where the source breaks them is no matter. Indented lines stay as they are.
    static func discussion(_ text: String, _ width: Int) -> [String] {
        var lines: [String] = []
        var paragraph: [Substring] = []
        func flush() {
            if !paragraph.isEmpty { lines += paragraph.joined(separator: " ").wrapped(to: width) }
            paragraph = []
        }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if !line.isEmpty, !line.hasPrefix("  ") {
                paragraph.append(line)
            } else {
                flush()
                lines.append(String(line))
            }
        }
        flush()
        return lines
    }

    /// `up, down, topics list|diff`.
    private static func compact(_ commands: [Command]) -> String {
        var words: [String] = []
        for command in commands where !words.contains(command.path[0]) { words.append(command.path[0]) }
        return words.map { word -> String in
            if commands.contains(where: { $0.path == [word] }) { return word }
            let rest = commands.filter { $0.path[0] == word && $0.path.count > 1 }.map { $0.path.dropFirst().joined(separator: " ") }
            return "\(word) \(rest.joined(separator: "|"))"
        }.joined(separator: ", ")
    }
}

/// Commands that belong together in help and documentation.
public struct CommandGroup: Sendable {
    public let title: String
    /// First words of commands, or whole names; those that the program lacks count for nothing.
    public let names: [String]

    public init(_ title: String, _ names: [String]) {
        self.title = title
        self.names = names
    }
}

extension Program {
    /// Every command once, in the order of the groups; those in none come last.
    var grouped: [(title: String, commands: [Command])] {
        guard !groups.isEmpty else { return [("", commands)] }
        var left = commands
        var result: [(title: String, commands: [Command])] = []
        for group in groups {
            let members = group.names.flatMap { name in left.filter { $0.name == name || $0.path[0] == name } }
            left.removeAll { command in members.contains { $0.path == command.path } }
            if !members.isEmpty { result.append((group.title, members)) }
        }
        return left.isEmpty ? result : result + [("Others", left)]
    }
}

extension Argument {
    var form: String {
        switch arity {
        case .one: name
        case .optional: "[\(name)]"
        case .oneOrMore: "\(name)…"
        case .zeroOrMore: "[\(name)…]"
        }
    }

    /// Its name, and what help says of it.
    var row: (String, String) { (name, choices.isEmpty ? help : "\(help) (\(choices.joined(separator: ", ")))") }
}

extension Flag {
    var form: String { "--\(name)" + (value.map { " \($0)" } ?? "") }

    /// Its form, and what help says of it.
    var row: (String, String) { (form, explanation) }

    var explanation: String {
        var text = help
        if !choices.isEmpty { text += " (\(choices.joined(separator: ", ")))" }
        if repeats { text += " [may be repeated]" }
        if let defaultValue { text += " [default: \(defaultValue)]" }
        if let environment { text += " [environment: \(environment)]" }
        return text
    }
}
