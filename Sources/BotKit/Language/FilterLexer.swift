import Envelopes

struct FilterToken: Equatable {
    enum Kind: Equatable {
        /// A name or a keyword.
        case word(String)
        case literal(JSONValue)
        /// An operator or a bracket.
        case symbol(String)
        case end
    }
    let kind: Kind
    let line: Int
    let column: Int

    func fail(_ message: String) -> FilterError { FilterError(line: line, column: column, message: message) }

    /// The token as a message shows it.
    var shown: String {
        switch kind {
        case .word(let text), .symbol(let text): "'\(text)'"
        case .literal(.string): "a string"
        case .literal(let value): "'\(value.plainText)'"
        case .end: "the end"
        }
    }
}

/// Cuts a filter into tokens.
struct FilterLexer {
    private var rest: Substring
    private var line = 1
    private var column = 1

    static func tokens(_ text: String) throws(FilterError) -> [FilterToken] {
        var lexer = FilterLexer(rest: text[...])
        var tokens: [FilterToken] = []
        while true {
            let token = try lexer.next()
            tokens.append(token)
            if token.kind == .end { return tokens }
        }
    }

    private init(rest: Substring) { self.rest = rest }

    private mutating func advance() -> Character? {
        guard let character = rest.popFirst() else { return nil }
        if character.isNewline { (line, column) = (line + 1, 1) } else { column += 1 }
        return character
    }

    private mutating func next() throws(FilterError) -> FilterToken {
        while let character = rest.first, character.isWhitespace { _ = advance() }
        let (line, column) = (line, column)
        func token(_ kind: FilterToken.Kind) -> FilterToken { FilterToken(kind: kind, line: line, column: column) }
        guard let character = rest.first else { return token(.end) }
        if character == "'" || character == "\"" { return token(.literal(.string(try string(character, token(.end))))) }
        if Self.isDigit(character) || character == "-" && Self.isDigit(rest.dropFirst().first) {
            return token(.literal(try number(token(.end))))
        }
        if Self.isLetter(character) { return token(word()) }
        for symbol in ["==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "(", ")", "[", "]", ","] where rest.hasPrefix(symbol) {
            for _ in symbol { _ = advance() }
            return token(.symbol(symbol))
        }
        let hint = ["=": "; write '=='", "&": "; write '&&'", "|": "; write '||'"][character] ?? ""
        throw token(.end).fail("'\(character)' is not understood here\(hint)")
    }

    private static func isDigit(_ character: Character?) -> Bool { character.map { $0.isASCII && $0.isNumber } ?? false }
    private static func isLetter(_ character: Character?) -> Bool {
        character.map { $0.isASCII && $0.isLetter || $0 == "_" } ?? false
    }

    private mutating func word() -> FilterToken.Kind {
        var text = ""
        while let character = rest.first {
            let isInside = Self.isLetter(character) || Self.isDigit(character) || character == "-"
            let joins = character == "." && (Self.isLetter(rest.dropFirst().first) || Self.isDigit(rest.dropFirst().first))
            guard isInside || joins else { break }
            text.append(character)
            _ = advance()
        }
        switch text {
        case "true": return .literal(.bool(true))
        case "false": return .literal(.bool(false))
        case "null": return .literal(.null)
        default: return .word(text)
        }
    }

    private mutating func number(_ start: FilterToken) throws(FilterError) -> JSONValue {
        var text = ""
        while let character = rest.first {
            let isSign = (character == "-" || character == "+") && (text.isEmpty || text.last == "e" || text.last == "E")
            guard Self.isDigit(character) || isSign || character == "." || Self.isLetter(character) else { break }
            text.append(character)
            _ = advance()
        }
        if let value = Int64(text) { return .integer(value) }
        guard let last = text.last, Self.isDigit(last), !text.contains("x"), !text.contains("p"), let value = Double(text), value.isFinite
        else {
            throw start.fail("'\(text)' is no number")
        }
        return .double(value)
    }

    /// `\'`, `\"`, `\\`, `\n` and `\t` are read; any other backslash stays, so that regular expressions need no doubling.
    private mutating func string(_ quote: Character, _ start: FilterToken) throws(FilterError) -> String {
        _ = advance()
        var text = ""
        while let character = advance() {
            if character == quote { return text }
            guard character == "\\" else {
                text.append(character)
                continue
            }
            switch rest.first {
            case "'", "\"", "\\": if let escaped = advance() { text.append(escaped) }
            case "n":
                _ = advance()
                text.append("\n")
            case "t":
                _ = advance()
                text.append("\t")
            default: text.append("\\")
            }
        }
        throw start.fail("the string is not closed with \(quote)")
    }
}
