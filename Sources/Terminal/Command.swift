/// One command of a program. This declaration is the only place that knows it: parser, help and documentation come from it.
public struct Command: Sendable {
    /// Its words, e.g. `["topics", "apply"]`; made from `"topics apply"` as from `"topics", "apply"`.
    public let path: [String]
    /// One line, without a full stop.
    public let summary: String
    /// Further paragraphs for its help: what it does in detail, and examples.
    public let discussion: String
    /// What a line of `--format json` is and which names it has, e.g. `one object a topic: topic, owner`; empty for a command without that form. Names stay as they are.
    public let json: String
    public let arguments: [Argument]
    public let flags: [Flag]
    /// Does the work on the main thread and gives the exit status: 0, or 1 when it ran and found a problem.
    public let run: @Sendable (Invocation) throws -> Int32

    public init(
        _ path: String..., summary: String, discussion: String = "", json: String = "", arguments: [Argument] = [], flags: [Flag] = [],
        run: @escaping @Sendable (Invocation) throws -> Int32
    ) {
        self.path = path.flatMap { $0.split(separator: " ").map(String.init) }
        self.summary = summary
        self.discussion = discussion
        self.json = json
        self.arguments = arguments
        self.flags = flags
        self.run = run
    }

    public var name: String { path.joined(separator: " ") }

    /// What help and documentation say of its JSON.
    var jsonSentence: String { "With --format json: \(json)." }
}

/// A positional argument.
public struct Argument: Sendable {
    public enum Arity: Sendable { case one, optional, oneOrMore, zeroOrMore }
    /// In capitals, e.g. `FILE`.
    public let name: String
    public let arity: Arity
    /// The only values that it takes; empty: any.
    public let choices: [String]
    public let help: String

    public init(_ name: String, _ arity: Arity = .one, choices: [String] = [], help: String) {
        self.name = name
        self.arity = arity
        self.choices = choices
        self.help = help
    }
}

/// A `--flag`, with a value or without one.
public struct Flag: Sendable {
    /// Without the dashes.
    public let name: String
    /// What stands for its value in help, e.g. `DIR`; nil for a switch.
    public let value: String?
    /// The environment variable that gives the value when the flag is absent.
    public let environment: String?
    public let defaultValue: String?
    /// The only values that it takes; empty: any.
    public let choices: [String]
    public let repeats: Bool
    public let help: String

    public init(
        _ name: String, value: String? = nil, environment: String? = nil, default defaultValue: String? = nil, choices: [String] = [],
        repeats: Bool = false, help: String
    ) {
        self.name = name
        self.value = value
        self.environment = environment
        self.defaultValue = defaultValue
        self.choices = choices
        self.repeats = repeats
        self.help = help
    }
}

/// A command line that was understood.
public struct Invocation: Sendable {
    public let command: Command
    public let arguments: [String]
    public let environment: [String: String]
    let values: [String: [String]]

    /// The last value of a flag: from the command line, else the environment, else its default.
    public subscript(_ flag: String) -> String? { values[flag]?.last }

    /// All values of a flag that repeats.
    public func all(_ flag: String) -> [String] { values[flag] ?? [] }

    /// Whether a switch was given.
    public func has(_ flag: String) -> Bool { values[flag] != nil }

    /// The value as a whole number within `range`; `UsageError` when it is not one. nil when the flag has no value.
    public func integer(_ flag: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
        guard let text = self[flag] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw UsageError("--\(flag) takes a whole number from \(range.lowerBound) to \(range.upperBound), not '\(text)'")
        }
        return number
    }
}

/// A command line that was not understood. Exit status 2.
public struct UsageError: Error, Equatable, CustomStringConvertible {
    public let message: String
    public init(_ message: String) { self.message = message }
    public var description: String { message }
}
