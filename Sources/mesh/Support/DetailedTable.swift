import Terminal

/// Rows that have more to say than a narrow terminal has columns for: one line a row where that has room for everything, else what identifies the row on one line,
/// and below it the rest, over as many lines as that takes, at most three.
struct DetailedTable {
    let columns: [Column]
    /// A cell for each column.
    let rows: [[String]]
    /// The columns that stay where the terminal is narrow.
    let kept: [Int]
    /// For each row, what then stands below; an empty text is no line.
    let details: [String]

    private static let mostLines = 3
    private static let indent = "    "

    /// The header and what follows. `width` is the terminal's; nil is none, and then each row is one line.
    func lines(width: Int?) -> [String] {
        let wide = Self.aligned(columns, rows)
        guard let width, wide.contains(where: { $0.columns > width }) else { return wide }
        let heads = Self.aligned(kept.map { columns[$0] }, rows.map { row in kept.map { row[$0] } })
        return [heads[0].cut(to: width)]
            + zip(heads.dropFirst(), details).flatMap { head, detail in [head.cut(to: width)] + Self.below(detail, width) }
    }

    private static func below(_ detail: String, _ width: Int) -> [String] {
        guard !detail.isEmpty else { return [] }
        let room = max(20, width - indent.count)
        var lines = detail.wrapped(to: room)
        if lines.count > mostLines {
            lines[mostLines - 1] = lines[(mostLines - 1)...].joined(separator: " ")
            lines.removeSubrange(mostLines...)
        }
        return lines.map { indent + $0.cut(to: room) }
    }

    private static func aligned(_ columns: [Column], _ rows: [[String]]) -> [String] {
        let table = [columns.map(\.title)] + rows
        let widths = columns.indices.map { column in table.map { $0[column].columns }.max() ?? 0 }
        return table.map { cells in
            var line = columns.indices.map { column in
                let padding = String(repeating: " ", count: widths[column] - cells[column].columns)
                return columns[column].alignment == .right ? padding + cells[column] : cells[column] + padding
            }.joined(separator: "  ")[...]
            while line.last == " " { line.removeLast() }
            return String(line)
        }
    }
}

extension Output {
    /// Writes it as the terminal has room.
    func table(_ table: DetailedTable) {
        let lines = table.lines(width: width)
        line(style(.bold, lines[0]))
        for text in lines.dropFirst() { line(text) }
    }
}
