/// A column of a table.
public struct Column: Sendable, ExpressibleByStringLiteral {
    public enum Alignment: Sendable { case left, right }
    /// In capitals, e.g. `TOPIC`.
    public let title: String
    public let alignment: Alignment
    /// Whether its cells may be cut where the terminal is too narrow.
    public let mayShrink: Bool

    public init(_ title: String, _ alignment: Alignment = .left, mayShrink: Bool = false) {
        self.title = title
        self.alignment = alignment
        self.mayShrink = mayShrink
    }

    public init(stringLiteral title: String) { self.init(title) }
}

/// Rows under a header, aligned. Cells may hold colours, which take no room.
struct Table {
    let columns: [Column]
    let rows: [[String]]
    private static let gap = "  "
    /// What is left of a column that was cut.
    private static let least = 8

    /// The lines, each with its end. `width` is the terminal's; nil cuts nothing.
    func text(style: Style, width: Int?) -> String {
        let widths = widths(within: width)
        let header = line(columns.map(\.title), widths).trimmingEnd
        // Where columns that may not be cut are too wide by themselves, the end of the line gives way: a line that wraps is harder to read.
        func fit(_ line: String) -> String { width.map { line.cut(to: $0) } ?? line }
        let body = rows.map { fit(line($0, widths).trimmingEnd) + "\n" }.joined()
        return style(.bold, fit(header)) + "\n" + body
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        zip(columns, widths).enumerated().map { index, pair in
            let (column, width) = pair
            let cell = index < cells.count ? cells[index].cut(to: width) : ""
            let padding = String(repeating: " ", count: max(0, width - cell.columns))
            return column.alignment == .right ? padding + cell : cell + padding
        }.joined(separator: Self.gap)
    }

    private func widths(within limit: Int?) -> [Int] {
        var widths = columns.map(\.title.columns)
        for row in rows {
            for (index, cell) in row.prefix(columns.count).enumerated() { widths[index] = max(widths[index], cell.columns) }
        }
        guard let limit else { return widths }
        var excess = widths.reduce(0, +) + Self.gap.count * max(0, columns.count - 1) - limit
        while excess > 0 {
            let candidates = widths.indices.filter { columns[$0].mayShrink && widths[$0] > Self.least }
            guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
            excess -= 1
        }
        return widths
    }
}

extension String {
    /// How many columns of a terminal the text takes: colours take none, wide characters two.
    public var columns: Int {
        var columns = 0
        var scan = EscapeScan()
        for character in self where !scan.isEscape(character) { columns += character.columns }
        return columns
    }

    /// At most `width` columns, the last of which is `…` where something is missing. Colours are kept, and end where they ended.
    public func cut(to width: Int) -> String {
        guard columns > width else { return self }
        guard width > 0 else { return "" }
        var text = ""
        var left = width - 1
        var scan = EscapeScan()
        var isFull = false
        for character in self {
            if scan.isEscape(character) {
                text.append(character)
            } else if !isFull {
                isFull = character.columns > left
                left -= character.columns
                text += isFull ? "…" : String(character)
            }
        }
        return text
    }

    /// The text with every control character made visible, so that a record cannot move the cursor, colour the terminal, or break a line.
    public var printable: String {
        guard unicodeScalars.contains(where: \.isControl) else { return self }
        var text = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            switch scalar {
            case "\n": text.append(contentsOf: "\\n".unicodeScalars)
            case "\r": text.append(contentsOf: "\\r".unicodeScalars)
            case "\t": text.append(contentsOf: "\\t".unicodeScalars)
            case _ where scalar.isControl: text.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
            default: text.append(scalar)
            }
        }
        return String(text)
    }

    fileprivate var trimmingEnd: String {
        var text = Substring(self)
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}

/// Tells the characters of `ESC [ … m` from text.
private struct EscapeScan {
    private var isInside = false

    mutating func isEscape(_ character: Character) -> Bool {
        if character == "\u{1b}" {
            isInside = true
            return true
        }
        guard isInside else { return false }
        if character.isASCII, character.isLetter { isInside = false }
        return true
    }
}

extension Unicode.Scalar {
    /// Controls, and the marks that turn the direction of writing.
    fileprivate var isControl: Bool {
        properties.generalCategory == .control || properties.generalCategory == .lineSeparator
            || properties.generalCategory == .paragraphSeparator || (0x202A...0x202E).contains(value) || (0x2066...0x2069).contains(value)
    }
}

extension Character {
    /// Source of the ranges: Unicode Standard Annex 11, blocks that are Wide or Fullwidth, with the few narrow characters in them.
    fileprivate var columns: Int {
        guard let first = unicodeScalars.first, first.value >= 0x1100 else { return 1 }
        let wide: [ClosedRange<UInt32>] = [
            0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6C5, 0x1F900...0x1F9FF, 0x20000...0x3FFFD,
        ]
        return wide.contains { $0.contains(first.value) } ? 2 : 1
    }
}
