/// What `mesh top` shows and how a person has arranged it.
struct TopState: Sendable {
    enum Pane: Int, CaseIterable, Sendable { case bots, lag, runs, errors, deadLetters }
    /// A line that asks for something.
    enum Prompt: Equatable, Sendable {
        case filter(String)
        case confirm(TopAction, question: String)
    }

    var figures: TopFigures
    var focus = Pane.bots
    /// The selected row of each pane, by its id; it stays selected wherever it moves.
    var selected: [Pane: String] = [:]
    /// Only rows with this text are shown; empty: all.
    var filter = ""
    var prompt: Prompt?
    /// What was done last, or went wrong.
    var message: String?

    init(_ figures: TopFigures) { self.figures = figures }

    /// The rows of a pane after the filter.
    func rows(_ pane: Pane) -> [TopRow] {
        let rows = TopRows.of(pane, figures)
        guard !filter.isEmpty else { return rows }
        let wanted = filter.lowercased()
        return rows.filter { row in row.cells.contains { $0.text.lowercased().contains(wanted) } || row.id.lowercased().contains(wanted) }
    }

    /// The place of the selected row of a pane; nil when it has none.
    func selection(_ pane: Pane, in rows: [TopRow]) -> Int? {
        guard !rows.isEmpty else { return nil }
        return rows.firstIndex { $0.id == selected[pane] } ?? 0
    }

    var selectedRow: TopRow? {
        let rows = rows(focus)
        return selection(focus, in: rows).map { rows[$0] }
    }
}

/// What a key asks for beyond the screen itself.
enum TopAction: Equatable, Sendable {
    case quit
    case suspend
    case trace(String)
    case pause(String)
    case resume(String)
    case redrive(String)
}

/// A key that was pressed.
enum TopKey: Equatable, Sendable {
    case character(Character)
    case up, down, left, right, pageUp, pageDown, home, end
    case tab, backTab, enter, escape, backspace
    case control(Character)
}

extension TopState {
    /// Changes the state by one key; gives what is to be done outside.
    mutating func press(_ key: TopKey) -> TopAction? {
        if key == .control("c") { return .quit }
        if key == .control("z") { return .suspend }
        switch prompt {
        case .filter(let text): return edit(text, key)
        case .confirm(let action, _):
            prompt = nil
            if key == .character("y") || key == .character("Y") { return action }
            message = "not done"
            return nil
        case nil: break
        }
        message = nil
        switch key {
        case .character("q"): return .quit
        case .character("/"): prompt = .filter(filter)
        case .escape: filter = ""
        case .tab, .right: move(pane: 1)
        case .backTab, .left: move(pane: -1)
        case .up, .character("k"): move(by: -1)
        case .down, .character("j"): move(by: 1)
        case .pageUp: move(by: -10)
        case .pageDown: move(by: 10)
        case .home, .character("g"): move(by: -1_000_000)
        case .end, .character("G"): move(by: 1_000_000)
        case .enter, .character("t"): return trace()
        case .character("p"): pause()
        case .character("r"): redrive()
        default: break
        }
        return nil
    }

    private mutating func edit(_ text: String, _ key: TopKey) -> TopAction? {
        switch key {
        case .enter: prompt = nil
        case .escape:
            filter = ""
            prompt = nil
        case .backspace: set(String(text.dropLast()))
        case .character(let character) where text.count < 60: set(text + String(character))
        default: break
        }
        return nil
    }

    /// What is typed holds at once.
    private mutating func set(_ text: String) {
        filter = text
        prompt = .filter(text)
    }

    private mutating func move(pane step: Int) {
        let all = Pane.allCases
        focus = all[(focus.rawValue + step + all.count) % all.count]
    }

    private mutating func move(by step: Int) {
        let rows = rows(focus)
        guard let place = selection(focus, in: rows) else { return }
        selected[focus] = rows[min(max(0, place + step), rows.count - 1)].id
    }

    private mutating func trace() -> TopAction? {
        guard let run = selectedRow?.run else {
            message = "no run is known here: select one under RUNS, ERRORS or DEAD LETTERS"
            return nil
        }
        return .trace(run)
    }

    /// The bot of the selected row; says so where there is none.
    private mutating func bot() -> String? {
        if let bot = selectedRow?.bot { return bot }
        message = "no bot here: select one under BOTS, LAG, ERRORS or DEAD LETTERS"
        return nil
    }

    private mutating func pause() {
        guard let bot = bot() else { return }
        let own = figures.instances.filter { $0.record.bot == bot && $0.standing.isAlive }
        let isPaused = !own.isEmpty && own.allSatisfy { $0.standing == .paused }
        prompt = .confirm(isPaused ? .resume(bot) : .pause(bot), question: "\(isPaused ? "resume" : "pause") \(bot)?")
    }

    private mutating func redrive() {
        guard let bot = bot() else { return }
        prompt = .confirm(.redrive(bot), question: "put all dead letters of \(bot) back to it?")
    }
}
