import Terminal

/// Draws `mesh top`: a pure function of the state and the size of the terminal.
struct TopScreen {
    let style: Style
    private static let gap = 2

    /// Exactly `rows` lines, none wider than `columns`.
    func lines(_ state: TopState, columns: Int, rows: Int) -> [String] {
        guard columns > 0, rows > 0 else { return [] }
        var lines = [header(state, columns)]
        let panes = TopState.Pane.allCases.map { ($0, state.rows($0)) }
        let heights = Self.heights(panes.map(\.1.count), room: rows - 2, focus: state.focus.rawValue)
        for ((pane, content), height) in zip(panes, heights) where height > 0 {
            lines += self.pane(pane, content, state, columns, height)
        }
        while lines.count < rows - 1 { lines.append("") }
        if rows > 1 { lines = Array(lines.prefix(rows - 1)) + [footer(state, columns)] }
        return lines.map { $0.cut(to: columns) }
    }

    /// How many lines each pane gets, its title among them. The focused one comes first where there is too little room; what one does not need goes to
    /// the others.
    static func heights(_ counts: [Int], room: Int, focus: Int) -> [Int] {
        var heights = [Int](repeating: 0, count: counts.count)
        var left = max(0, room)
        let order = [focus] + counts.indices.filter { $0 != focus }
        // A title and one line each.
        for index in order where left >= 2 {
            heights[index] = 2
            left -= 2
        }
        while left > 0 {
            let hungry = counts.indices.filter { heights[$0] >= 2 && heights[$0] < counts[$0] + 1 }
            // Evenly, but the first pane, of the bots, has two lines for one of the others.
            guard let next = hungry.min(by: { (weight(heights[$0], $0), $0) < (weight(heights[$1], $1), $1) }) else { break }
            heights[next] += 1
            left -= 1
        }
        return heights
    }

    private static func weight(_ height: Int, _ index: Int) -> Int { index == 0 ? height : height * 2 }

    // MARK: Parts

    private func header(_ state: TopState, _ columns: Int) -> String {
        let figures = state.figures
        let unwell = figures.instances.count { $0.standing.isTrouble }
        var parts = [
            style(.bold, "mesh top"), figures.address.printable, String(figures.now.text.dropFirst(11).prefix(8)) + "Z",
        ]
        if let trouble = figures.trouble { return (parts + [style(.red, trouble.printable)]).joined(separator: "  ").cut(to: columns) }
        if figures.unread.contains(.bots) { return (parts + ["reading …"]).joined(separator: "  ") }
        parts.append(
            "\(figures.instances.count { $0.standing.isAlive }) up" + (unwell > 0 ? style(.red, ", \(unwell) unwell") : ""))
        parts.append("\(HumanText.rate(figures.recordsPerSecond)) rec/s")
        parts.append(
            figures.errorsPerSecond > 0
                ? style(.red, "\(HumanText.rate(figures.errorsPerSecond)) err/s") : "\(HumanText.rate(figures.errorsPerSecond)) err/s")
        parts.append("lag \(figures.lagTotal.map { HumanText.count($0) } ?? "?")")
        return parts.joined(separator: "  ")
    }

    private func footer(_ state: TopState, _ columns: Int) -> String {
        switch state.prompt {
        case .filter(let text): return "filter: \(text.printable)_   Enter keeps it, Esc clears it"
        case .confirm(_, let question): return style(.yellow, question.printable + " y/n")
        case nil: break
        }
        if let message = state.message { return style(.yellow, message.printable) }
        let keys = "q quit  Tab pane  ↑↓ select  / filter  t trace  p pause  r redrive"
        return state.filter.isEmpty ? keys : style(.yellow, "filter '\(state.filter.printable)' (Esc)") + "  " + keys
    }

    private func pane(_ pane: TopState.Pane, _ rows: [TopRow], _ state: TopState, _ columns: Int, _ height: Int) -> [String] {
        let head = TopRows.head(pane)
        let isFocused = state.focus == pane
        let room = height - 1
        let place = state.selection(pane, in: rows)
        let first = isFocused ? Self.first(place ?? 0, count: rows.count, room: room) : 0
        let shown = Array(rows.dropFirst(first).prefix(room))
        let widths = Self.widths(head.columns, shown, columns - 2)
        var lines = [title(head, state, shown.count, rows.count, widths, isFocused, columns)]
        if rows.isEmpty { lines.append(style(.grey, "  " + Self.emptiness(pane, state))) }
        for (index, row) in shown.enumerated() {
            lines.append(line(row, head.columns, widths, isSelected: isFocused && first + index == place))
        }
        return Array(lines.prefix(height))
    }

    private static func emptiness(_ pane: TopState.Pane, _ state: TopState) -> String {
        if state.figures.unread.contains(pane) { return "reading …" }
        return state.filter.isEmpty ? "none" : "none with '\(state.filter.printable)'"
    }

    /// The pane's name where its first column would have its own, the other columns' names, and how many rows are not shown.
    private func title(
        _ head: TopRows.Head, _ state: TopState, _ shown: Int, _ all: Int, _ widths: [Int], _ isFocused: Bool, _ columns: Int
    ) -> String {
        let count = shown < all ? " \(shown) of \(all)" : all > 0 ? " \(all)" : ""
        let extra = head.title == "DEAD LETTERS" ? state.figures.deadLetterCount.map { ", ≤\(HumanText.count($0)) in mesh.dlq" } ?? "" : ""
        let name = (isFocused ? "▸ " : "  ") + head.title + count + extra
        let names = "  " + zip(head.columns, widths).map { Self.pad($0.0.title, $0.1, $0.0.alignment) }.joined(separator: "  ")
        let text = (name + Self.rest(of: names, behind: name.columns)).cut(to: columns)
        return isFocused ? style(.cyan, style(.bold, text)) : style(.bold, text)
    }

    /// What stands behind the first `width` characters; the pane's name takes the place of those, and of a word that it would cut.
    private static func rest(of names: String, behind width: Int) -> String {
        guard names.count > width else { return "" }
        let rest = names.dropFirst(width)
        let spaces = rest.prefix { $0 != " " }.count
        return String(repeating: " ", count: spaces) + rest.dropFirst(spaces)
    }

    private func line(_ row: TopRow, _ columns: [Column], _ widths: [Int], isSelected: Bool) -> String {
        var parts: [String] = []
        for (index, column) in columns.enumerated() where widths[index] > 0 {
            let cell = index < row.cells.count ? row.cells[index] : TopRow.Cell(text: "")
            let text = Self.pad(cell.text.cut(to: widths[index]), widths[index], column.alignment)
            // Inverted as a whole, a colour of a part would end the inversion.
            parts.append(isSelected ? text : cell.colour.map { style($0, text) } ?? text)
        }
        let text = "  " + parts.joined(separator: "  ")
        return isSelected ? "\u{1b}[7m\(text)\u{1b}[0m" : text
    }

    /// Keeps the selected row in sight.
    static func first(_ place: Int, count: Int, room: Int) -> Int {
        guard room > 0, count > room else { return 0 }
        return min(max(0, place - room / 2), count - room)
    }

    private static func widths(_ columns: [Column], _ rows: [TopRow], _ room: Int) -> [Int] {
        var widths = columns.indices.map { index in
            rows.reduce(columns[index].title.columns) { max($0, index < $1.cells.count ? $1.cells[index].text.columns : 0) }
        }
        var excess = widths.reduce(0, +) + gap * (columns.count - 1) - room
        while excess > 0 {
            // The last column gives first, then whatever is widest of those that may shrink; never below eight, or four for the last.
            let last = columns.count - 1
            if columns[last].mayShrink, widths[last] > 12 {
                widths[last] -= 1
            } else if let widest = columns.indices.filter({ columns[$0].mayShrink && widths[$0] > ($0 == last ? 4 : 8) })
                .max(by: { (widths[$0], $0) < (widths[$1], $1) })
            {
                widths[widest] -= 1
            } else {
                break
            }
            excess -= 1
        }
        return widths
    }

    private static func pad(_ text: String, _ width: Int, _ alignment: Column.Alignment) -> String {
        let padding = String(repeating: " ", count: max(0, width - text.columns))
        return alignment == .right ? padding + text : text + padding
    }
}
