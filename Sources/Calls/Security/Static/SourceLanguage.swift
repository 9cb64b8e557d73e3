/// A language that the static rules know.
enum SourceLanguage: String, Sendable, CaseIterable {
    case shell, python, javascript, swift

    /// By the file's name, else by its `#!` line; nil for anything else.
    static func of(path: String, text: [UInt8]) -> SourceLanguage? {
        let name = path.split(separator: "/").last ?? ""
        if let dot = name.lastIndex(of: "."), dot != name.startIndex {
            switch name[name.index(after: dot)...].lowercased() {
            case "sh", "bash", "zsh", "ksh": return .shell
            case "py", "pyw": return .python
            case "js", "mjs", "cjs", "jsx", "ts", "tsx", "mts", "cts": return .javascript
            case "swift": return .swift
            default: return nil
            }
        }
        guard text.starts(with: "#!".utf8) else { return nil }
        let line = String(decoding: text.prefix { $0 != 0x0a }.prefix(128), as: UTF8.self)
        if line.contains("python") { return .python }
        if line.contains("node") || line.contains("deno") { return .javascript }
        if line.contains("swift") { return .swift }
        return line.contains("sh") ? .shell : nil
    }
}

/// A source text with the parts blanked out that a rule must not look at. Every line keeps its place and length.
struct MaskedSource: Sendable {
    /// Comments are blank.
    let withoutComments: [UInt8]
    /// Comments and the insides of string literals are blank.
    let codeOnly: [UInt8]

    init(_ text: [UInt8], language: SourceLanguage) {
        var masker = Masker(text: text, language: language)
        masker.run()
        withoutComments = masker.withoutComments
        codeOnly = masker.codeOnly
    }
}

/// Tells code from comments and strings. An approximation: it knows quotes, escapes and comments, not the whole grammar, and it never fails.
private struct Masker {
    let text: [UInt8]
    let language: SourceLanguage
    var withoutComments: [UInt8]
    var codeOnly: [UInt8]
    var position = 0

    init(text: [UInt8], language: SourceLanguage) {
        self.text = text
        self.language = language
        withoutComments = text
        codeOnly = text
    }

    mutating func run() {
        while position < text.count {
            let byte = text[position]
            switch (byte, language) {
            case (UInt8(ascii: "#"), .shell), (UInt8(ascii: "#"), .python):
                // In a shell a # inside a word is no comment.
                let before = position == 0 ? 0x0a : text[position - 1]
                if language == .python || ByteSet.space.contains(before) || before == UInt8(ascii: ";") {
                    blankLine()
                } else {
                    position += 1
                }
            case (UInt8(ascii: "/"), .javascript), (UInt8(ascii: "/"), .swift):
                switch at(1) {
                case UInt8(ascii: "/"): blankLine()
                case UInt8(ascii: "*"): blankBlock()
                default: position += 1
                }
            case (UInt8(ascii: "\\"), _): position += 2
            case (UInt8(ascii: "\""), _), (UInt8(ascii: "'"), .shell), (UInt8(ascii: "'"), .python), (UInt8(ascii: "'"), .javascript),
                (UInt8(ascii: "`"), .javascript):
                string(byte)
            default: position += 1
            }
        }
    }

    private func at(_ distance: Int) -> UInt8? { position + distance < text.count ? text[position + distance] : nil }

    private mutating func blankLine() {
        while position < text.count, text[position] != 0x0a {
            withoutComments[position] = 0x20
            codeOnly[position] = 0x20
            position += 1
        }
    }

    private mutating func blankBlock() {
        var depth = 0
        while position < text.count {
            var width = 1
            if text[position] == UInt8(ascii: "/"), at(1) == UInt8(ascii: "*"), depth == 0 || language == .swift {
                depth += 1
                width = 2
            } else if text[position] == UInt8(ascii: "*"), at(1) == UInt8(ascii: "/") {
                depth -= 1
                width = 2
            }
            for place in position..<min(position + width, text.count) where text[place] != 0x0a {
                withoutComments[place] = 0x20
                codeOnly[place] = 0x20
            }
            position += width
            if depth == 0 { return }
        }
    }

    /// Passes a string literal. A shell's double quotes still run `$(…)` and its quoted words are arguments, so a shell's strings stay visible.
    private mutating func string(_ quote: UInt8) {
        let isTriple = language != .shell && language != .javascript && at(1) == quote && at(2) == quote
        let isMultiline = isTriple || language == .shell || quote == UInt8(ascii: "`")
        let hasEscapes = !(language == .shell && quote == UInt8(ascii: "'"))
        position += isTriple ? 3 : 1
        while position < text.count {
            let byte = text[position]
            if byte == 0x0a, !isMultiline { return }
            if byte == quote, !isTriple || (at(1) == quote && at(2) == quote) {
                position += isTriple ? 3 : 1
                return
            }
            let width = hasEscapes && byte == UInt8(ascii: "\\") ? 2 : 1
            if language != .shell {
                for place in position..<min(position + width, text.count) where text[place] != 0x0a { codeOnly[place] = 0x20 }
            }
            position += width
        }
    }
}
