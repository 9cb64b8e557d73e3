import Envelopes

/// A command line as a configuration gives it: words, quotes, and `${name}` to fill.
///
/// It is cut into words before anything is filled in, so a value is always part of one word and never read as code. Quotes work as in a shell (`'…'`, `"…"`, `\`), and nothing else
/// does: a command that needs a shell is `sh -c '…'`. In the script of a shell, `${name}` becomes a reference to an environment variable of its own, which the shell expands
/// itself: `sh -c 'echo "${message}"'` prints the message whatever stands in it.
public struct CommandTemplate: Sendable, Hashable {
    public struct Word: Sendable, Hashable {
        public let pieces: [Template.Piece]
        /// Whether it is the script that a shell runs.
        public var isScript = false

        var literal: String? {
            var text = ""
            for piece in pieces {
                guard case .text(let part) = piece else { return nil }
                text += part
            }
            return text
        }
    }

    /// A command ready to run: no shell, no further expansion.
    public struct Resolved: Sendable, Hashable {
        public let arguments: [String]
        /// To be added to the environment.
        public let environment: [String: String]
    }

    public let words: [Word]
    public let names: [String]

    /// Values that scripts refer to stand in variables with this prefix, so that a payload cannot set `PATH`.
    public static let variablePrefix = "MESH_VALUE_"

    public init(parsing text: String) throws(LanguageError) {
        var lexer = CommandLexer(text)
        var words = try lexer.words()
        guard !words.isEmpty else { throw LanguageError(column: 1, message: "an empty command") }
        try CommandSafety.check(&words)
        self.words = words.map(\.word)
        names = self.words.flatMap { word in word.pieces.compactMap { if case .name(let name) = $0 { name } else { nil } } }
    }

    /// Fills the names in. A name without a value becomes nothing.
    public func resolve(_ value: (String) -> JSONValue?) -> Resolved {
        var environment: [String: String] = [:]
        let arguments = words.map { word in
            word.pieces.map { piece in
                switch piece {
                case .text(let text): return text
                case .name(let name):
                    // The kernel ends an argument at a zero byte.
                    let text = String((value(name)?.plainText ?? "").filter { $0 != "\0" })
                    guard word.isScript else { return text }
                    let variable = Self.variablePrefix + String(name.map { $0 == "." || $0 == "-" ? "_" : $0 })
                    environment[variable] = text
                    return "${\(variable)}"
                }
            }.joined()
        }
        return Resolved(arguments: arguments, environment: environment)
    }
}
