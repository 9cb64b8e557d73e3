extension String {
    /// The words in lines of at most `width` columns; a word that is longer stands alone.
    public func wrapped(to width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in split(separator: " ") {
            if !line.isEmpty, line.columns + 1 + String(word).columns > width {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? String(word) : " " + word
        }
        return lines + (line.isEmpty && !lines.isEmpty ? [] : [line])
    }
}

/// A part of a command's discussion.
enum Passage: Equatable {
    case paragraph([String])
    /// Lines to be shown as they are, without their common indentation.
    case example([String])

    /// Indented lines are examples; others are paragraphs, which end where a line is empty.
    static func passages(of text: String) -> [Passage] {
        var passages: [Passage] = []
        var isOpen = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let indent = line.prefix { $0 == " " }.count
            if indent == line.count {
                isOpen = false
                continue
            }
            let isExample = indent >= 2
            let content = String(isExample ? line.dropFirst(2) : line)
            switch (isOpen ? passages.last : nil, isExample) {
            case (.paragraph(let lines), false): passages[passages.count - 1] = .paragraph(lines + [content])
            case (.example(let lines), true): passages[passages.count - 1] = .example(lines + [content])
            default: passages.append(isExample ? .example([content]) : .paragraph([content]))
            }
            isOpen = true
        }
        return passages
    }
}

/// Rows of a name and what it means, wrapped to a width.
public struct Glossary {
    let rows: [(String, String)]

    public init(rows: [(String, String)]) { self.rows = rows }

    /// Where the names leave too little room, the meanings stand on lines of their own.
    public func lines(width: Int) -> [String] {
        let longest = rows.map(\.0.columns).max() ?? 0
        let indent = min(longest + 4, 28)
        return rows.flatMap { name, meaning in
            var lines = meaning.wrapped(to: max(30, width - indent))
            let margin = String(repeating: " ", count: indent)
            guard name.columns + 4 <= indent else { return ["  " + name] + lines.map { margin + $0 } }
            let first = "  " + name + String(repeating: " ", count: indent - 2 - name.columns) + lines.removeFirst()
            return [first] + lines.map { margin + $0 }
        }
    }
}
