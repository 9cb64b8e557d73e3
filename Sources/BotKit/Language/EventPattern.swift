import Envelopes

/// A pattern over event types: words separated by dots, `*` for exactly one word, `#` for zero or more.
public struct EventPattern: Sendable, Hashable, CustomStringConvertible {
    private enum Word: Sendable, Hashable {
        case literal(String)
        case one, any
    }
    private let words: [Word]
    public let description: String

    /// Throws when a word is empty, mixes a wildcard with text, or has characters that no topic has.
    public init(parsing text: String) throws(LanguageError) {
        var words: [Word] = []
        var column = 1
        guard text.utf8.count <= 249 else { throw LanguageError(column: 1, message: "longer than 249 characters") }
        for word in text.split(separator: ".", omittingEmptySubsequences: false) {
            switch word {
            case "*": words.append(.one)
            case "#": words.append(.any)
            case "": throw LanguageError(column: column, message: "an empty word, expected a name, '*' or '#' between the dots")
            default:
                guard !word.contains("*"), !word.contains("#") else {
                    throw LanguageError(column: column, message: "'\(word)': '*' and '#' stand for whole words, between dots")
                }
                guard EventType(String(word)).isLegal else {
                    throw LanguageError(
                        column: column, message: "'\(word)' has a character that no event type has; legal are letters, digits, '_' and '-'")
                }
                words.append(.literal(String(word)))
            }
            column += word.count + 1
        }
        self.words = words
        description = text
    }

    /// Whether it has a wildcard.
    public var isWild: Bool { words.contains { $0 == .one || $0 == .any } }

    public func matches(_ type: EventType) -> Bool {
        // reached[i]: the words read so far can be matched by the first i words of the pattern.
        var reached = [true] + Array(repeating: false, count: words.count)
        func passOverAny(_ reached: inout [Bool]) {
            for (index, word) in words.enumerated() where word == .any && reached[index] { reached[index + 1] = true }
        }
        passOverAny(&reached)
        for word in type.name.split(separator: ".", omittingEmptySubsequences: false) {
            var next = Array(repeating: false, count: words.count + 1)
            for (index, pattern) in words.enumerated() {
                switch pattern {
                case .literal(let text): if reached[index] && text == word { next[index + 1] = true }
                case .one: if reached[index] { next[index + 1] = true }
                case .any: if reached[index] || reached[index + 1] { next[index + 1] = true }
                }
            }
            passOverAny(&next)
            reached = next
        }
        return reached[words.count]
    }
}
