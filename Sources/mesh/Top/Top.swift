import Envelopes
import Glibc
import Kafka
import Terminal

/// `mesh top`: shows, takes keys, and does what they ask for, until it is told to end.
struct Top {
    private let invocation: Invocation
    private let settings: ClientSettings
    private let signals: TopSignals
    private let screen: FullScreen
    private let painter: TopScreen
    private let sources: TopSources

    init(_ invocation: Invocation) throws {
        self.invocation = invocation
        screen = try FullScreen()
        signals = try TopSignals()
        let signals = signals
        settings = try invocation.settings()
        painter = TopScreen(style: Style(descriptor: STDOUT_FILENO, environment: invocation.environment))
        sources = TopSources(settings, post: { signals.post(.figures) })
    }

    func run() throws -> Int32 {
        sources.start()
        var state = TopState(sources.current)
        var keys = KeyReader()
        screen.enter()
        defer { screen.leave() }
        while true {
            paint(state)
            let (bytes, news) = signals.wait(milliseconds: keys.isInside ? 50 : 1_000)
            if news.contains(.end) { return 0 }
            if news.contains(.resized) { screen.forget() }
            if news.contains(.suspend) { suspend() }
            if news.contains(.figures) {
                state.figures = sources.current
            } else {
                state.figures.now = .now
            }
            var pressed = keys.take(bytes)
            if bytes.isEmpty, let key = keys.pause() { pressed.append(key) }
            for key in pressed {
                guard let action = state.press(key) else { continue }
                if action == .quit { return 0 }
                state.message = try perform(action)
            }
        }
    }

    private func paint(_ state: TopState) {
        let (columns, rows) = screen.size
        screen.show(painter.lines(state, columns: columns, rows: rows))
    }

    /// Does it, and gives what to say of it.
    private func perform(_ action: TopAction) throws -> String? {
        switch action {
        case .quit: return nil
        case .suspend:
            suspend()
            return nil
        case .pause(let bot): return control(bot, .paused, "paused: \(bot) takes nothing in")
        case .resume(let bot): return control(bot, .running, "resumed: \(bot)")
        case .trace(let run): return runOwn(["trace", run])
        case .redrive(let bot): return runOwn(["dlq", "redrive", "--bot", bot])
        }
    }

    private func control(_ bot: String, _ wanted: ControlRecord.State, _ success: String) -> String {
        do {
            let state = try LastRecords<ControlRecord>(settings, topic: ControlRecord.topic)
            defer { state.close() }
            try state.catchUp(timeout: .seconds(10))
            let change = (target: Target(bot: bot, replica: nil), change: Change.state(wanted))
            _ = try ControlWriter(settings: settings, person: Person.name(settings)).write([change], over: Wishes(records: state.values))
            return success
        } catch {
            return "\(bot): \(error)"
        }
    }

    /// As Ctrl-Z does it for a program that does not know of terminals.
    private func suspend() {
        screen.leave()
        kill(getpid(), SIGSTOP)
        screen.enter()
    }

    /// Runs this program with the terminal as it was, and waits for a key afterwards.
    private func runOwn(_ words: [String]) -> String? {
        screen.leave()
        signals.isAway.store(true, ordering: .relaxed)
        defer {
            signals.isAway.store(false, ordering: .relaxed)
            screen.enter()
        }
        var arguments = words + ["--data-dir", invocation.dataDirectory]
        if let brokers = invocation["brokers"] { arguments += ["--brokers", brokers] }
        let failure = ForegroundProcess.run(Executable.path, arguments, environment: invocation.environment)
            .problem(of: "mesh \(words.first ?? "")")
        Terminal.write("\n" + (failure.map { "\($0)\n" } ?? "") + "Enter goes back to mesh top.", to: STDOUT_FILENO)
        while true {
            let (bytes, news) = signals.wait(milliseconds: 1_000)
            if !bytes.isEmpty || news.contains(.end) {
                if news.contains(.end) { signals.post(.end) }
                return failure
            }
        }
    }
}
