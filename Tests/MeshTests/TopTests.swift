import Envelopes
import Kafka
import Terminal
import Testing

@testable import mesh

@Suite struct TopTests {
    private let now = Timestamp(milliseconds: 1_800_000_000_000)
    private let plain = TopScreen(style: Style(isColoured: false))

    private func figures(bots: Int = 2, lags: Int = 3) -> TopFigures {
        var figures = TopFigures(address: "127.0.0.1:9092", now: now)
        figures.unread = []
        figures.instances = (0..<bots).map { number in
            let record = instanceRecord("Bot\(number / 2)", number % 2 + 1, partitions: ["t[0]"], seen: now)
            return InstanceStatus(record: record, standing: .running, age: .zero)
        }
        figures.lags = (0..<lags).map { number in
            TopFigures.Lag(
                group: "Bot0", partition: TopicPartition("code.committed", Int32(number)), records: Int64(number * 10), behind: .seconds(4))
        }
        figures.errors = [
            TopFigures.Failure(
                at: now, bot: "Bot0", code: "not-json", message: "bad\u{1b}[2Jtext", run: "run-1", place: "code.committed[0]@7")
        ]
        figures.deadLetters = [TopFigures.Failure(at: now, bot: "Bot1", code: "poison", message: "no", run: nil, place: "mesh.dlq[1]@3")]
        figures.deadLetterCount = 1
        figures.runs = [
            WorkflowRun(
                id: "c0ffee00-0000", first: now, last: now, lastType: "build.started", subject: "shop@1234", events: 2, hasEnded: false)
        ]
        return figures
    }

    private func press(_ state: inout TopState, _ keys: TopKey...) -> [TopAction] { keys.compactMap { state.press($0) } }

    // MARK: Drawing

    @Test(arguments: [(80, 24), (132, 50), (250, 80), (60, 10), (20, 5), (10, 2), (1, 1)])
    func itFillsTheTerminalExactly(columns: Int, rows: Int) {
        for bots in [0, 1, 40] {
            for style in [false, true] {
                let state = TopState(figures(bots: bots, lags: bots * 3))
                let lines = TopScreen(style: Style(isColoured: style)).lines(state, columns: columns, rows: rows)
                #expect(lines.count == rows)
                #expect(lines.allSatisfy { $0.columns <= columns }, "\(bots) bots at \(columns)×\(rows)")
            }
        }
        #expect(plain.lines(TopState(figures()), columns: 0, rows: 0).isEmpty)
    }

    @Test func atEightyByTwentyFourEveryPaneHasItsPlace() {
        let text = plain.lines(TopState(figures(bots: 6, lags: 20)), columns: 80, rows: 24).joined(separator: "\n")
        for word in [
            "BOTS", "LAG", "RUNS", "ERRORS", "DEAD LETTERS", "Bot0-1", "Bot2-2", "not-json", "mesh.dlq[1]@3", "c0ffee00", "q quit",
        ] {
            #expect(text.contains(word), "\(word)")
        }
        #expect(text.contains("of 19"), "what is not shown is counted")
    }

    @Test func textOfRecordsCannotMoveTheCursor() {
        let lines = plain.lines(TopState(figures()), columns: 80, rows: 24)
        #expect(lines.filter { $0.contains("\u{1b}") }.allSatisfy { $0.hasPrefix("\u{1b}[7m") && $0.hasSuffix("\u{1b}[0m") })
        #expect(lines.joined().contains("bad\\u{1b}[2Jtext"))
    }

    @Test func anUnknownLagIsAQuestionMarkAndSoIsTheSum() {
        var figures = figures()
        figures.lags[1].records = nil
        #expect(figures.lagTotal == nil)
        let text = plain.lines(TopState(figures), columns: 80, rows: 24).joined(separator: "\n")
        #expect(text.contains("lag ?"))
        #expect(TopRows.of(.lag, figures).map { $0.cells[2].text } == ["?", "20"])
    }

    @Test func whatHasNotBeenReadIsSaidToBeReadAndNotToBeEmpty() {
        let first = plain.lines(TopState(TopFigures(address: "127.0.0.1:9092", now: now)), columns: 80, rows: 24)
        #expect(first[0].hasSuffix("reading …"))
        #expect(first.count { $0 == "  reading …" } == TopState.Pane.allCases.count)
        var known = figures(bots: 2, lags: 0)
        known.unread = [.lag]
        let lines = plain.lines(TopState(known), columns: 80, rows: 24)
        #expect(lines[0].hasSuffix("lag ?"))
        #expect(lines.count { $0 == "  reading …" } == 1)
        known.unread = []
        #expect(plain.lines(TopState(known), columns: 80, rows: 24).contains("  none"))
    }

    @Test func whatIsLevelIsNotListed() {
        #expect(TopRows.of(.lag, figures(lags: 3)).map { $0.cells[2].text } == ["20", "10"])
    }

    @Test func troubleTakesThePlaceOfFigures() {
        var figures = figures()
        figures.trouble = "Kafka does not answer"
        #expect(plain.lines(TopState(figures), columns: 80, rows: 24)[0].contains("Kafka does not answer"))
    }

    @Test func roomGoesToWhoNeedsItAndTheFocusedPaneComesFirst() {
        #expect(TopScreen.heights([3, 3, 3, 3, 3], room: 100, focus: 0) == [4, 4, 4, 4, 4])
        #expect(TopScreen.heights([9, 0, 0, 0, 0], room: 14, focus: 0) == [6, 2, 2, 2, 2])
        #expect(TopScreen.heights([9, 9, 9, 9, 9], room: 5, focus: 3) == [3, 0, 0, 2, 0])
        #expect(TopScreen.heights([9, 9, 9, 9, 9], room: 1, focus: 0) == [0, 0, 0, 0, 0])
        #expect(TopScreen.heights([30, 30, 30, 30, 30], room: 22, focus: 2).reduce(0, +) == 22)
        #expect(TopScreen.first(0, count: 10, room: 4) == 0)
        #expect(TopScreen.first(9, count: 10, room: 4) == 6)
        #expect(TopScreen.first(5, count: 10, room: 4) == 3)
    }

    // MARK: Keys

    @Test func aSelectedRowStaysSelectedWhereverItMoves() {
        var state = TopState(figures(bots: 4))
        _ = press(&state, .down, .character("j"))
        #expect(state.selectedRow?.id == "Bot1-1")
        state.figures.instances.reverse()
        #expect(state.selectedRow?.id == "Bot1-1")
        state.figures.instances.removeAll { $0.record.instance == "Bot1-1" }
        #expect(state.selectedRow?.id == "Bot1-2", "one that is gone gives way to the first")
        _ = press(&state, .end)
        #expect(state.selectedRow?.id == "Bot0-1")
        _ = press(&state, .home, .up)
        #expect(state.selectedRow?.id == "Bot1-2")
    }

    @Test func aFilterHoldsInEveryPaneAndIsTakenBack() {
        var state = TopState(figures(bots: 4))
        _ = press(&state, .character("/"), .character("b"), .character("o"), .character("t"), .character("1"), .enter)
        #expect(state.filter == "bot1" && state.prompt == nil)
        #expect(state.rows(.bots).map(\.id) == ["Bot1-1", "Bot1-2"])
        #expect(state.rows(.lag).isEmpty && state.rows(.deadLetters).count == 1)
        #expect(press(&state, .character("/"), .backspace, .character("q")).isEmpty, "what is typed is text")
        #expect(state.filter == "botq")
        _ = press(&state, .escape)
        #expect(state.filter.isEmpty && state.prompt == nil)
    }

    @Test func tracesOpenRunsAndNothingElse() {
        var state = TopState(figures())
        #expect(press(&state, .enter).isEmpty)
        #expect(state.message != nil)
        #expect(press(&state, .tab, .tab, .enter) == [.trace("c0ffee00-0000")])
        #expect(press(&state, .tab, .character("t")) == [.trace("run-1")])
        #expect(press(&state, .tab, .character("t")).isEmpty, "nobody knows the run of this dead letter")
        #expect(press(&state, .tab).isEmpty && state.focus == .bots)
        #expect(press(&state, .backTab).isEmpty && state.focus == .deadLetters)
    }

    @Test func pauseAndRedriveAskFirst() {
        var state = TopState(figures())
        #expect(press(&state, .character("p"), .character("n")).isEmpty)
        #expect(press(&state, .character("p"), .character("y")) == [.pause("Bot0")])
        #expect(press(&state, .character("r"), .enter).isEmpty)
        #expect(press(&state, .character("r"), .character("Y")) == [.redrive("Bot0")])
        state.figures.instances = state.figures.instances.map {
            InstanceStatus(record: $0.record, standing: .paused, age: $0.age)
        }
        #expect(press(&state, .character("p"), .character("y")) == [.resume("Bot0")])
    }

    @Test func aKeyWithoutARowSaysWhatItWants() {
        var state = TopState(figures(bots: 0))
        for key in [TopKey.character("p"), .character("r"), .enter] {
            #expect(press(&state, key).isEmpty && state.prompt == nil)
            #expect(state.message?.hasPrefix("no ") == true)
        }
    }

    @Test func itEndsByQAndByControlCAlsoInAPrompt() {
        var state = TopState(figures())
        #expect(press(&state, .character("q")) == [.quit])
        #expect(press(&state, .character("/"), .control("c")) == [.quit])
        #expect(press(&state, .escape, .control("z")) == [.suspend])
    }

    @Test func keysAreReadFromBytesAlsoInPieces() {
        var reader = KeyReader()
        #expect(reader.take(Array("qä".utf8)) == [.character("q"), .character("ä")])
        #expect(reader.take([0x1b, 0x5b]).isEmpty && reader.isInside)
        #expect(reader.take([0x41]) == [.up])
        #expect(reader.take(Array("\u{1b}[B\u{1b}OC\u{1b}[Z\u{1b}[5~\u{1b}[1;5D".utf8)) == [.down, .right, .backTab, .pageUp, .left])
        #expect(reader.take([0x1b]).isEmpty)
        #expect(reader.pause() == .escape && reader.pause() == nil)
        #expect(reader.take([0x03, 0x1a, 0x09, 0x0d, 0x7f, 0x00, 0xff, 0x61]).count == 6)
        // A sequence that nobody knows is nothing, however long it is.
        #expect(reader.take([0x1b] + Array("[".utf8) + [UInt8](repeating: 0x31, count: 40) + [0x71]).isEmpty)
        #expect(reader.take([0x1b, 0x71]) == [.escape, .character("q")])
    }

    // MARK: Runs

    private func event(_ type: String, _ run: String, after seconds: Int) -> Envelope {
        Envelope(
            id: EventID(UUIDv5.derive([type, run, "\(seconds)"])), timestamp: now.advanced(by: .seconds(seconds)), source: "test",
            type: EventType(type), version: 1, payload: Array("{}".utf8), correlationID: run)
    }

    @Test func aRunIsOpenUntilItsEndOrUntilItIsQuiet() {
        var book = WorkflowBook()
        func add(_ type: String, _ run: String, _ seconds: Int) { book.add(event(type, run, after: seconds), .object([:])) }
        add("code.committed", "a", 0)
        add("build.started", "a", 1)
        add("code.committed", "b", 2)
        func open(_ seconds: Int) -> [String] { book.open(now: now.advanced(by: .seconds(seconds))).map(\.id) }
        #expect(open(3) == ["b", "a"])
        #expect(open(200) == ["a"], "of the other nothing has followed its one event")
        #expect(open(700).isEmpty)
        add("deploy.completed", "a", 10)
        #expect(open(11) == ["b"])
        add("notification.sent", "a", 12)
        #expect(open(13) == ["b"], "who tells of a run is no step of it")
        add("deploy.requested", "a", 14)
        #expect(open(15).contains("a"), "the next environment follows")
        // An older event that is read later changes nothing.
        add("build.failed", "a", 5)
        #expect(open(15).contains("a"))
    }

    @Test func runsAreBounded() {
        var book = WorkflowBook()
        for number in 0..<(WorkflowBook.maximumRuns * 2) {
            book.add(event("code.committed", "run-\(number)", after: number / 100), .object([:]))
        }
        let open = book.open(now: now.advanced(by: .seconds(40)))
        #expect(open.count <= WorkflowBook.maximumRuns)
        #expect(open.first?.id.hasPrefix("run-39") == true)
    }

    @Test func aDeadLetterThatWasPutBackIsNotShownWhicheverIsReadFirst() {
        func letter(_ offset: Int, at seconds: Int = 0) -> TopFigures.Failure {
            TopFigures.Failure(
                at: now.advanced(by: .seconds(seconds)), bot: "A", code: "x", message: "", run: nil, place: "mesh.dlq[0]@\(offset)")
        }
        func mark(_ offset: Int, _ state: DeadLetterMark.State = .redriven, at seconds: Int = 0) -> DeadLetterMark {
            DeadLetterMark(
                state: state, partition: 0, offset: Int64(offset), timestamp: now.advanced(by: .seconds(seconds)).milliseconds, bot: "A",
                by: "ada", at: now.text)
        }
        var list = DeadLetterList()
        list.add(mark(1))
        for offset in 1...4 { list.add(letter(offset)) }
        list.add(mark(2, .purged))
        // A mark of a topic that was made anew since is of another record.
        list.add(mark(3, at: 60))
        #expect(Set(list.open.map(\.place)) == ["mesh.dlq[0]@3", "mesh.dlq[0]@4"])
        for offset in 10..<300 { list.add(letter(offset, at: offset)) }
        #expect(list.open.count == 100)
        #expect(list.open.first?.place == "mesh.dlq[0]@299")
    }

    @Test func bookkeepingIsNoEvent() {
        for name in [
            "mesh.dlq", "retry.buildbot", "state.buildbot", "inbox.notificationbot", "build.log", "bench.request", "__consumer_offsets",
        ] {
            #expect(!TopEvents.isEvent(name), "\(name)")
        }
        #expect(TopEvents.isEvent("code.committed") && TopEvents.isEvent("bot.error"))
    }
}
