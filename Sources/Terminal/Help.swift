import BotKit

extension Program {
    /// What `--help` prints.
    public var help: String {
        if commands.count == 1, commands[0].path.isEmpty { return help(for: commands[0]) }
        let rows = commands.map { ($0.name, $0.summary) }
        return """
            \(summary)

            usage: \(name) COMMAND [FLAG …]

            \(table(rows))

            \(name) help COMMAND says more about one of them.

            """
    }

    /// What `COMMAND --help` prints.
    public func help(for command: Command) -> String {
        var text = "\(command.summary)\n\nusage: \(usage(of: command))\n"
        if !command.discussion.isEmpty { text += "\n\(command.discussion)\n" }
        if !command.arguments.isEmpty { text += "\n" + table(command.arguments.map { ($0.name, $0.help) }) + "\n" }
        let flags = command.flags + commonFlags
        if !flags.isEmpty {
            text += "\n" + table(flags.map { ("--\($0.name)" + ($0.value.map { " \($0)" } ?? ""), $0.explanation) }) + "\n"
        }
        return text
    }

    /// The command's form in one line.
    func usage(of command: Command) -> String {
        let words = [name] + command.path + command.arguments.map(\.form)
        return (words + (command.flags.isEmpty && commonFlags.isEmpty ? [] : ["[FLAG …]"])).joined(separator: " ")
    }

    func suggestion(for word: String, among names: [String], prefix: String = "") -> String {
        if let nearest = NearestName.of(word, in: names) { return "; did you mean '\(prefix)\(nearest)'?" }
        return ". Try: \(name) --help"
    }

    private func table(_ rows: [(String, String)]) -> String {
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { left, right in "  " + left + String(repeating: " ", count: width - left.count + 2) + right }.joined(
            separator: "\n")
    }
}

extension Argument {
    fileprivate var form: String {
        switch arity {
        case .one: name
        case .optional: "[\(name)]"
        case .oneOrMore: "\(name)…"
        case .zeroOrMore: "[\(name)…]"
        }
    }
}

extension Flag {
    fileprivate var explanation: String {
        var text = help
        if !choices.isEmpty { text += " (\(choices.joined(separator: ", ")))" }
        if let defaultValue { text += " [default: \(defaultValue)]" }
        if let environment { text += " [environment: \(environment)]" }
        return text
    }
}
