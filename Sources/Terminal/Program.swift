import BotKit
import Glibc

/// A program: its name and its commands. Parses a command line and runs it.
public struct Program: Sendable {
    public let name: String
    public let version: String
    public let summary: String
    public let commands: [Command]
    /// Flags that every command takes.
    public let commonFlags: [Flag]
    /// What belongs together in help and documentation; where there are none, commands stand in their own order.
    public let groups: [CommandGroup]
    /// What its exit statuses mean.
    public let exitStatuses: [(status: Int32, meaning: String)]
    /// Placeholders whose values the shell asks for with `completion names KIND`, each with its KIND, e.g. `["BOT": "bots"]`.
    public let nameSources: [String: String]

    public init(
        name: String, version: String, summary: String, commands: [Command], commonFlags: [Flag] = [], groups: [CommandGroup] = [],
        exitStatuses: [(status: Int32, meaning: String)] = [], nameSources: [String: String] = [:]
    ) {
        self.name = name
        self.version = version
        self.summary = summary
        self.commands = commands
        self.commonFlags = commonFlags
        self.groups = groups
        self.exitStatuses = exitStatuses
        self.nameSources = nameSources
    }

    /// What a command line asks for.
    public enum Request: Sendable {
        case run(Invocation)
        /// Text for standard output, exit status 0.
        case print(String)
    }

    /// Understands `words` (without the program's name).
    public func parse(_ words: [String], environment: [String: String]) throws(UsageError) -> Request {
        if words.first == "--version" { return .print("\(name) \(version)\n") }
        let width = TerminalWidth.of(STDOUT_FILENO, environment: environment).map { min(100, $0) } ?? Self.helpWidth
        if words.isEmpty || words == ["help"] || words == ["--help"] || words == ["-h"] { return .print(help(width: width)) }
        if words == ["help", "all"] { return .print(fullHelp(width: width)) }
        let wanted = words.first == "help" ? Array(words.dropFirst()) : commonFlagsLast(words)
        if words.first == "help" || wanted.last == "--help", wanted.count - (words.first == "help" ? 0 : 1) == 1,
            let text = help(ofFamily: wanted[0], width: width)
        {
            return .print(text)
        }
        let command = try find(wanted)
        let rest = Array(wanted.dropFirst(command.path.count))
        if words.first == "help" || rest.contains("--help") || rest.contains("-h") { return .print(help(for: command, width: width)) }
        return .run(try invocation(of: command, rest, environment))
    }

    /// Flags that every command takes may stand before the command too.
    private func commonFlagsLast(_ words: [String]) -> [String] {
        var rest = words[...]
        var moved: [String] = []
        while let word = rest.first, word.hasPrefix("--") {
            let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let flag = commonFlags.first(where: { $0.name == parts[0] }) else { break }
            let count = flag.value != nil && parts.count == 1 ? 2 : 1
            moved += rest.prefix(count)
            rest = rest.dropFirst(count)
        }
        guard !moved.isEmpty, !rest.isEmpty else { return words }
        // Before a "--", if any: behind it everything is an argument.
        let end = rest.firstIndex(of: "--") ?? rest.endIndex
        return Array(rest[..<end]) + moved + Array(rest[end...])
    }

    /// A program of one command has no words before its flags.
    private func find(_ words: [String]) throws(UsageError) -> Command {
        let candidates = commands.filter { words.starts(with: $0.path) }
        if let command = candidates.max(by: { $0.path.count < $1.path.count }) { return command }
        let given = words.prefix { !$0.hasPrefix("-") }
        let group = commands.filter { $0.path.count > 1 && $0.path.first == given.first }
        if !group.isEmpty {
            let choices = group.map { $0.path[1] }
            guard given.count > 1 else { throw UsageError("\(name) \(given[0]) needs one of: \(choices.joined(separator: ", "))") }
            throw UsageError("\(name) \(given[0]) has no '\(given[1])'" + suggestion(for: given[1], among: choices))
        }
        let first = given.first ?? words.first ?? ""
        throw UsageError("\(name) has no command '\(first)'" + suggestion(for: first, among: commands.map { $0.path[0] }))
    }

    private func invocation(of command: Command, _ words: [String], _ environment: [String: String]) throws(UsageError) -> Invocation {
        let flags = command.flags + commonFlags
        var arguments: [String] = []
        var values: [String: [String]] = [:]
        var rest = words[...]
        var onlyArguments = false
        while let word = rest.popFirst() {
            if onlyArguments || !word.hasPrefix("--") {
                arguments.append(word)
            } else if word == "--" {
                onlyArguments = true
            } else {
                let (flag, value) = try read(word, &rest, flags, command)
                if values[flag.name] != nil && !flag.repeats { throw UsageError("--\(flag.name) was given twice") }
                values[flag.name, default: []].append(value)
            }
        }
        for flag in flags where values[flag.name] == nil {
            if let variable = flag.environment, let value = environment[variable], !value.isEmpty {
                if flag.value != nil || !["0", "false", "no"].contains(value) {
                    try check(value, for: flag, from: variable, command)
                    values[flag.name] = [value]
                }
            } else if let value = flag.defaultValue {
                values[flag.name] = [value]
            }
        }
        try check(arguments, for: command)
        return Invocation(command: command, arguments: arguments, environment: environment, values: values)
    }

    private func read(
        _ word: String, _ rest: inout ArraySlice<String>, _ flags: [Flag], _ command: Command
    ) throws(UsageError) -> (Flag, String) {
        let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let given = String(parts[0])
        guard let flag = flags.first(where: { $0.name == given }) else {
            throw UsageError(
                "\(called(command)) has no flag --\(given)" + nearestFlag(given, among: flags)
                    + " All of them: \(help(of: command))")
        }
        guard let placeholder = flag.value else {
            if parts.count > 1 { throw UsageError("--\(given) takes no value") }
            return (flag, "yes")
        }
        guard let value = parts.count > 1 ? String(parts[1]) : rest.popFirst() else {
            throw UsageError("--\(given) needs a value: --\(given) \(placeholder)")
        }
        try check(value, for: flag, from: "--\(given)", command)
        return (flag, value)
    }

    private func help(of command: Command) -> String { command.path.isEmpty ? "\(name) --help" : "\(name) help \(command.name)" }
    private func called(_ command: Command) -> String { command.path.isEmpty ? name : "\(name) \(command.name)" }

    private func nearestFlag(_ given: String, among flags: [Flag]) -> String {
        NearestName.of(given, in: flags.map(\.name)).map { "; did you mean '--\($0)'?" } ?? "."
    }

    private func check(_ value: String, for flag: Flag, from origin: String, _ command: Command) throws(UsageError) {
        guard !flag.choices.isEmpty, !flag.choices.contains(value) else { return }
        throw UsageError(
            "\(origin) takes \(flag.choices.joined(separator: ", ")), not '\(value)'"
                + suggestion(for: value, among: flag.choices, help: help(of: command)))
    }

    private func check(_ arguments: [String], for command: Command) throws(UsageError) {
        var least = 0
        var most: Int? = 0
        for argument in command.arguments {
            if argument.arity == .one || argument.arity == .oneOrMore { least += 1 }
            switch argument.arity {
            case .one, .optional: most = most.map { $0 + 1 }
            case .oneOrMore, .zeroOrMore: most = nil
            }
        }
        if arguments.count < least {
            throw UsageError("\(usage(of: command)): \(command.arguments[arguments.count].name) is missing")
        }
        if let most, arguments.count > most {
            // It may be meant for the second word of a command that begins with this one.
            let longer = commands.filter { $0.path.count > command.path.count && $0.path.starts(with: command.path) }
            let nearest = NearestName.of(arguments[most], in: longer.map { $0.path[command.path.count] })
            let hint = nearest.map { "; did you mean '\(command.name) \($0)'?" } ?? ""
            throw UsageError("\(usage(of: command)): '\(arguments[most])' is one too many" + hint)
        }
        for (index, value) in arguments.enumerated() {
            let argument = command.arguments[min(index, command.arguments.count - 1)]
            guard !argument.choices.isEmpty,
                !argument.choices.contains(value)
            else { continue }
            throw UsageError(
                "\(argument.name) is \(argument.choices.joined(separator: ", ")), not '\(value)'"
                    + suggestion(for: value, among: argument.choices))
        }
    }
}
