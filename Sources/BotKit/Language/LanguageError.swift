/// What is wrong with a small text of the configuration (a filter, a cron expression, a pattern, a template …), and where in it.
public struct LanguageError: Error, Sendable, Equatable, CustomStringConvertible {
    /// From 1; lines are counted only where the text may have several.
    public let line: Int
    /// From 1, in characters.
    public let column: Int
    /// What is wrong, what was expected.
    public let message: String

    public init(line: Int = 1, column: Int, message: String) {
        self.line = line
        self.column = column
        self.message = message
    }

    public var description: String { "\(line):\(column): \(message)" }
}

/// Filters say what is wrong with them the same way.
public typealias FilterError = LanguageError
