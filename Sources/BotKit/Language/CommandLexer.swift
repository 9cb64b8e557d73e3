/// Cuts a command line into words.
struct CommandLexer {
    struct Located {
        var word: CommandTemplate.Word
        let line: Int
        let column: Int

        func fail(_ message: String) -> LanguageError { LanguageError(line: line, column: column, message: message) }
    }

    private var rest: Substring
    private var line = 1
    private var column = 1
    private var pieces: [Template.Piece] = []
    private var literal = ""

    private static let operators: Set<String> = ["&&", "||", "|", ";", "&", ">", ">>", "<", "<<", "2>", "2>>", "2>&1", "&>", "1>&2", ">&2"]

    init(_ text: String) { rest = text[...] }

    private mutating func advance(_ count: Int = 1) {
        for _ in 0..<count {
            guard let character = rest.popFirst() else { return }
            if character.isNewline { (line, column) = (line + 1, 1) } else { column += 1 }
        }
    }

    private func fail(_ message: String) -> LanguageError { LanguageError(line: line, column: column, message: message) }

    mutating func words() throws(LanguageError) -> [Located] {
        guard rest.utf8.count <= Template.maximumBytes else { throw fail("longer than \(Template.maximumBytes) bytes") }
        var words: [Located] = []
        while true {
            while let character = rest.first, character.isWhitespace {
                if character.isNewline, !words.isEmpty, rest.contains(where: { !$0.isWhitespace }) {
                    throw fail("a command is one line, since no shell reads it; for several write sh -c '…'")
                }
                advance()
            }
            guard !rest.isEmpty else { return words }
            words.append(try word())
        }
    }

    private mutating func word() throws(LanguageError) -> Located {
        let (startLine, startColumn) = (line, column)
        (pieces, literal) = ([], "")
        var isQuoted = false
        while let character = rest.first, !character.isWhitespace {
            switch character {
            case "'":
                isQuoted = true
                try quoted("'")
            case "\"":
                isQuoted = true
                try quoted("\"")
            case "\\":
                isQuoted = true
                advance()
                guard let escaped = rest.first else { throw fail("'\\' at the end of the command") }
                if !escaped.isNewline { literal.append(escaped) }
                advance()
            default:
                if try placeholder() { continue }
                if character == "`" || character == "$" && rest.dropFirst().first.map({ $0.isLetter || $0 == "(" || $0 == "_" }) == true {
                    throw fail("no shell reads this command, so '\(character)' means nothing; write sh -c '…', or put it in quotes")
                }
                literal.append(character)
                advance()
            }
        }
        flush()
        let located = Located(word: CommandTemplate.Word(pieces: pieces), line: startLine, column: startColumn)
        if !isQuoted, let text = located.word.literal, Self.operators.contains(text) {
            throw located.fail("no shell reads this command, so '\(text)' means nothing; write sh -c '…', or put it in quotes")
        }
        return located
    }

    private mutating func quoted(_ quote: Character) throws(LanguageError) {
        let open = fail("the quote \(quote) is not closed")
        advance()
        while let character = rest.first {
            if character == quote {
                advance()
                return
            }
            if try placeholder() { continue }
            if quote == "\"", character == "\\", let escaped = rest.dropFirst().first, "\"\\$`".contains(escaped) {
                literal.append(escaped)
                advance(2)
                continue
            }
            literal.append(character)
            advance()
        }
        throw open
    }

    /// Takes `${name}` or `$${`; false when the text goes on otherwise.
    private mutating func placeholder() throws(LanguageError) -> Bool {
        if rest.hasPrefix("$${") {
            literal += "${"
            advance(3)
            return true
        }
        guard rest.hasPrefix("${") else { return false }
        guard let close = rest.firstIndex(of: "}") else { throw fail("'${' is not closed with '}'") }
        let name = rest[rest.index(rest.startIndex, offsetBy: 2)..<close]
        guard Template.isName(name) else {
            throw fail(
                "'\(name.prefix(40))' is no name, expected words of letters, digits, '_' and '-' with dots between; write '$${' for a literal '${'"
            )
        }
        flush()
        pieces.append(.name(String(name)))
        advance(name.count + 3)
        return true
    }

    private mutating func flush() {
        if !literal.isEmpty { pieces.append(.text(literal)) }
        literal = ""
    }
}

/// Finds the words that an interpreter would read as code, and keeps values out of them.
enum CommandSafety {
    private static let shells: Set<String> = ["sh", "bash", "dash", "ash", "ksh", "zsh", "mksh"]
    /// Programs that hand their arguments to a shell, and interpreters with the flags that take code.
    private static let readers: [String: Set<String>] = [
        "ssh": [], "eval": [], "watch": [], "parallel": [], "su": ["-c", "--command"], "runuser": ["-c", "--command"], "script": ["-c"],
        "flock": ["-c"],
        "python": ["-c"], "python3": ["-c"], "perl": ["-e", "-E"], "ruby": ["-e"], "node": ["-e", "-p", "--eval", "--print"], "php": ["-r"],
        "lua": ["-e"], "fish": ["-c"], "csh": ["-c"], "tcsh": ["-c"], "pwsh": ["-c", "-Command"],
    ]

    static func check(_ words: inout [CommandLexer.Located]) throws(LanguageError) {
        if words[0].word.literal == nil {
            throw words[0].fail("the program comes from a value; a command names its program itself")
        }
        for (index, word) in words.enumerated() {
            guard let name = word.word.literal.map({ $0.split(separator: "/").last.map(String.init) ?? $0 }) else { continue }
            if shells.contains(name) {
                try checkShell(&words, at: index)
            } else if let flags = readers[name] {
                try checkReader(name, flags, words[(index + 1)...])
            }
        }
    }

    /// The words after a shell: its options, then the script (after `-c`) or a file, then plain arguments.
    private static func checkShell(_ words: inout [CommandLexer.Located], at shell: Int) throws(LanguageError) {
        var index = shell + 1
        var takesCode = false
        while index < words.count, let text = words[index].word.literal, text.hasPrefix("-") || text.hasPrefix("+"), text.count > 1 {
            if !text.hasPrefix("--"), text.hasPrefix("-"), text.contains("c") { takesCode = true }
            index += text == "-o" || text == "+o" || text == "-O" ? 2 : 1
            if text == "--" { break }
        }
        guard index < words.count, words[index].word.literal == nil else { return }
        guard takesCode else {
            throw words[index].fail("a value would say what a shell runs; name the script itself, and pass the value after it")
        }
        words[index].word.isScript = true
    }

    private static func checkReader(_ name: String, _ flags: Set<String>, _ rest: ArraySlice<CommandLexer.Located>) throws(LanguageError) {
        var previous = ""
        for word in rest {
            if word.word.literal == nil, flags.isEmpty || flags.contains(previous) {
                throw word.fail("\(name) would read the value as code; pass it as an argument or an environment variable of a script")
            }
            previous = word.word.literal ?? ""
        }
    }
}
