import Envelopes

/// A text with places to fill: `${name}`, and where the syntax allows it `{{name}}`. `$${` stands for a literal `${`.
///
/// A name is words of letters, digits, `_` and `-` separated by dots: a field of the payload (`artifact.url`), `env.NAME`, or an earlier action's output (`build.stdout`).
public struct Template: Sendable, Hashable {
    public enum Syntax: Sendable {
        /// Only `${name}`: for commands, where `{{` belongs to the tools that are called.
        case dollar
        /// `${name}` and `{{name}}`: for texts that people read.
        case both
    }
    public enum Piece: Sendable, Hashable {
        case text(String)
        case name(String)
    }

    public let pieces: [Piece]

    /// The longest text, in bytes.
    public static let maximumBytes = 65_536

    public init(parsing text: String, syntax: Syntax) throws(LanguageError) {
        guard text.utf8.count <= Self.maximumBytes else {
            throw LanguageError(column: 1, message: "longer than \(Self.maximumBytes) bytes")
        }
        var pieces: [Piece] = []
        var literal = ""
        var (line, column) = (1, 1)
        var rest = text[...]
        func advance(_ count: Int) {
            for character in rest.prefix(count) {
                if character.isNewline { (line, column) = (line + 1, 1) } else { column += 1 }
            }
            rest = rest.dropFirst(count)
        }
        while let character = rest.first {
            if rest.hasPrefix("$${") {
                literal += "${"
                advance(3)
                continue
            }
            let close: String? = rest.hasPrefix("${") ? "}" : syntax == .both && rest.hasPrefix("{{") ? "}}" : nil
            guard let close else {
                literal.append(character)
                advance(1)
                continue
            }
            let open = String(rest.prefix(2))
            let place = (line, column)
            advance(2)
            guard let end = rest.firstRange(of: close) else {
                throw LanguageError(line: place.0, column: place.1, message: "'\(open)' is not closed with '\(close)'")
            }
            let inner = rest[rest.startIndex..<end.lowerBound]
            let name = Self.trimmed(inner)
            guard Self.isName(name) else {
                let remedy = open == "${" ? "; write '$${' for a literal '${'" : ""
                throw LanguageError(
                    line: place.0, column: place.1,
                    message: "'\(name.prefix(40))' is no name, expected words of letters, digits, '_' and '-' with dots between\(remedy)")
            }
            if !literal.isEmpty { pieces.append(.text(literal)) }
            literal = ""
            pieces.append(.name(String(name)))
            advance(rest.distance(from: rest.startIndex, to: end.upperBound))
        }
        if !literal.isEmpty { pieces.append(.text(literal)) }
        self.pieces = pieces
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return text
    }

    /// Whether `text` can stand between `${` and `}`.
    public static func isName(_ text: some StringProtocol) -> Bool {
        guard !text.isEmpty, text.utf8.count <= 200 else { return false }
        return text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { word in
            !word.isEmpty
                && word.utf8.allSatisfy { byte in
                    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
                        || byte == 0x2D
                }
        }
    }

    /// The names in it, in order, repeats included.
    public var names: [String] { pieces.compactMap { piece in if case .name(let name) = piece { name } else { nil } } }

    /// The name, when the whole text is one place to fill: then the value can keep its type.
    public var soleName: String? {
        guard pieces.count == 1, case .name(let name) = pieces[0] else { return nil }
        return name
    }

    /// The text with every name filled in; a name without a value, and null, become nothing.
    public func render(_ value: (String) -> JSONValue?) -> String {
        pieces.map { piece in
            switch piece {
            case .text(let text): text
            case .name(let name): value(name)?.plainText ?? ""
            }
        }.joined()
    }
}

extension JSONValue {
    /// The value that a dotted name leads to; a number in it is the place in an array, from 0. nil when there is none.
    public subscript(dotted name: String) -> JSONValue? {
        var value = self
        for word in name.split(separator: ".", omittingEmptySubsequences: false) {
            switch value {
            case .object(let members):
                guard let member = members[String(word)] else { return nil }
                value = member
            case .array(let items):
                guard let index = Int(word), items.indices.contains(index) else { return nil }
                value = items[index]
            default: return nil
            }
        }
        return value
    }

    /// What stands in a text for the value: a string as it is, null as nothing, a whole number without a point, lists and objects as JSON.
    public var plainText: String {
        switch self {
        case .null: ""
        case .string(let text): text
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): String(value)
        case .double(let value): Int64(exactly: value).map(String.init) ?? String(value)
        case .array, .object: String(decoding: bytes, as: UTF8.self)
        }
    }
}
