import BotKit
import Envelopes
import Kafka
import Terminal
import Testing

@testable import mesh

/// What is meant, what becomes of it, and what may be deleted.
@Suite struct DeadLetterDecisionTests {
    private func mark(_ letter: DeadLetter, _ state: DeadLetterMark.State = .redriven, timestamp: Int64? = nil) throws -> (
        key: [UInt8], value: [UInt8]
    ) {
        let mark = DeadLetterMark(
            state: state, partition: letter.place.partition, offset: letter.place.offset, timestamp: timestamp ?? letter.timestamp,
            bot: "TestBot", by: "ada", at: "2026-01-02T03:04:05.000Z")
        return (Array(mark.key.utf8), try JSONCoder.bytes(mark))
    }

    // MARK: marks

    @Test func theLastMarkHolds() throws {
        let letter = Letters.make()
        var book = MarkBook()
        #expect(book[letter] == nil)
        let (key, value) = try mark(letter)
        book.take(key: key, value: value)
        #expect(book[letter]?.state == .redriven)
        book.take(key: key, value: try mark(letter, .purged).value)
        #expect(book[letter]?.state == .purged)
        book.take(key: key, value: nil)
        #expect(book[letter] == nil)
    }

    @Test func aMarkOfAnotherRecordInTheSamePlaceDoesNotCount() throws {
        let letter = Letters.make(timestamp: 5_000)
        var book = MarkBook()
        let (key, value) = try mark(letter, timestamp: 4_999)
        book.take(key: key, value: value)
        #expect(book[letter] == nil)
    }

    @Test func whatIsNoMarkIsPassedOver() {
        var book = MarkBook()
        let records: [([UInt8]?, [UInt8]?)] = [
            (nil, [1]), (Array("x".utf8), [1]), (Array("1@2".utf8), Array("{}".utf8)), (Array("1@2".utf8), nil),
        ]
        #expect(records.map { book.take(key: $0.0, value: $0.1) } == [false, false, false, true])
        #expect(book.count == 0)
    }

    @Test func whatIsNoMarkIsTold() {
        var unreadable = UnreadableMarks()
        #expect(unreadable.message == nil)
        unreadable.add("mesh.dlq_marks[0]@4")
        #expect(unreadable.message == "a record of mesh.dlq_marks is no mark and counts for nothing: mesh.dlq_marks[0]@4")
        for offset in 5..<17 { unreadable.add("mesh.dlq_marks[1]@\(offset)") }
        #expect(unreadable.message?.hasPrefix("13 records of mesh.dlq_marks are no marks") == true)
        #expect(unreadable.message?.hasSuffix("mesh.dlq_marks[1]@8 and 8 more") == true)
    }

    @Test func marksOfWhatIsGoneAreStale() throws {
        var book = MarkBook()
        for offset in [3, 4, 5] as [Int64] {
            let (key, value) = try mark(Letters.make(offset: offset, partition: 1))
            book.take(key: key, value: value)
        }
        #expect(book.stale(lows: [1: 5]).map(\.description) == ["1@3", "1@4"])
        #expect(book.stale(lows: [1: 0]).isEmpty)
        #expect(book.stale(lows: [:]).count == 3)
    }

    // MARK: states

    @Test func afterThreeRedrivesItIsQuarantined() throws {
        func state(_ redrives: Int, limit: Int = 3) -> DeadLetterState {
            DeadLetterState(Letters.make(redrives: redrives), mark: nil, limit: limit)
        }
        #expect(state(2) == .open)
        #expect(state(3) == .quarantined)
        #expect(state(3, limit: 4) == .open)
        let letter = Letters.make(redrives: 9)
        var book = MarkBook()
        let (key, value) = try mark(letter)
        book.take(key: key, value: value)
        #expect(DeadLetterState(letter, mark: book[letter], limit: 3) == .redriven)
    }

    // MARK: selections

    @Test func eachCriterionCounts() throws {
        let letter = Letters.make(timestamp: 5_000)
        func selection(_ change: (inout DeadLetterSelection) throws -> Void) rethrows -> Bool {
            var selection = DeadLetterSelection()
            try change(&selection)
            return selection.matches(letter)
        }
        #expect(selection { _ in })
        #expect(selection { $0.bots = ["testbot"] })
        #expect(!selection { $0.bots = ["buildbot"] })
        #expect(selection { $0.codes = ["invalid-payload", "x"] })
        #expect(!selection { $0.codes = ["x"] })
        #expect(try selection { $0.topics = [try EventPattern(parsing: "build.*")] })
        #expect(try !selection { $0.topics = [try EventPattern(parsing: "test.*")] })
        #expect(selection { $0.places = [letter.place] })
        #expect(!selection { $0.places = [DeadLetterPlace(partition: 0, offset: 0)] })
        #expect(selection { $0.before = 5_001 })
        #expect(!selection { $0.before = 5_000 })
        #expect(selection { $0.after = 5_000 })
        #expect(!selection { $0.after = 5_001 })
        #expect(try selection { $0.filter = try Filter.parse("branch == 'main' && envelope.id == 'e1'") })
        #expect(try !selection { $0.filter = try Filter.parse("branch == 'other'") })
    }

    @Test func aFilterMeansNothingThatIsNoEnvelope() throws {
        var selection = DeadLetterSelection()
        selection.filter = try Filter.parse("true")
        #expect(!selection.matches(Letters.make(origin: Letters.event("t", "hello"))))
        #expect(selection.matches(Letters.make()))
    }

    @Test func aBotWithoutDeadLettersIsNoMistake() {
        var names = SeenNames()
        names.know(topics: ["retry.echobot", "retry.buildbot", "code.committed"])
        #expect(names.problem(bots: ["BuildBot"], reasons: ["expired"]) == nil)
        #expect(names.problem(bots: ["EchoBot", "testbot"], reasons: []) == nil)
        #expect(names.problem(bots: ["BuildBto"], reasons: [])?.message == "no bot 'BuildBto'; did you mean 'BuildBot'?")
        #expect(names.problem(bots: ["EchoBt"], reasons: [])?.message == "no bot 'EchoBt'; did you mean 'echobot'?")
        names.add(Letters.make(bot: "EchoBot", code: "invalid-payload"))
        #expect(names.problem(bots: ["EchoBt"], reasons: [])?.message == "no bot 'EchoBt'; did you mean 'EchoBot'?")
        #expect(names.problem(bots: [], reasons: ["invalid-paylod"])?.message.contains("'invalid-payload'") == true)
        #expect(names.problem(bots: [], reasons: ["expired", "invalid-payload"]) == nil)
        #expect(names.problem(topics: ["cod.committed"])?.message == "no topic 'cod.committed'; did you mean 'code.committed'?")
        #expect(names.problem(topics: ["build.*", "code.committed", "build.completed"]) == nil)
        #expect(names.problem(topics: ["biuld.*"]) != nil)
    }

    @Test func aPlaceWhereNothingLiesIsNamed() {
        var names = SeenNames()
        let letter = Letters.make()
        names.know(topics: [], places: [letter.place, DeadLetterPlace(partition: 9, offset: 1)])
        names.add(letter)
        #expect(names.missingPlaces == "9@1")
        names.know(topics: [], places: [letter.place])
        names.add(letter)
        #expect(names.missingPlaces == nil)
    }

    // MARK: plans

    private func entry(_ letter: DeadLetter, _ state: DeadLetterState = .open) -> DeadLetterBox.Entry {
        DeadLetterBox.Entry(letter: letter, state: state)
    }

    @Test func aPlanSaysWhatGoesAndWhyTheRestStays() {
        var plan = RedrivePlan(partitions: ["retry.testbot": 1], isForced: false, maximum: 2)
        let entries = [
            entry(Letters.make(offset: 1, timestamp: 20)), entry(Letters.make(offset: 2), .redriven),
            entry(Letters.make(offset: 3), .purged),
            entry(Letters.make(offset: 4), .quarantined), entry(Letters.make(bot: "Gone", offset: 5)),
            entry(Letters.make(code: "expired", offset: 6, timestamp: 10)), entry(Letters.make(offset: 7)),
        ]
        for entry in entries { _ = plan.add(entry) }
        #expect(plan.going == 2)
        #expect(plan.groups.values.sorted() == [1, 1])
        #expect(
            plan.staying == [.redriven: 1, .purged: 1, .quarantined: 1, .refused(.noTopic): 1, .beyondMaximum: 1])
        #expect(plan.refused == 1)
        #expect(
            plan.refusals == [
                Redrive.Refusal(bot: "TestBot", code: "quarantined"): 1, Redrive.Refusal(bot: "Gone", code: "no-topic"): 1,
            ])
        #expect(plan.first?.place.offset == 6)
        #expect(plan.last?.place.offset == 1)
    }

    @Test func forceAlsoMeansWhatIsQuarantinedAndNeverWhatIsDone() {
        var plan = RedrivePlan(partitions: ["retry.testbot": 1], isForced: true, maximum: nil)
        for state in DeadLetterState.allCases { _ = plan.add(entry(Letters.make(), state)) }
        #expect(plan.going == 2)
        #expect(plan.staying == [.redriven: 1, .purged: 1])
    }

    // MARK: deletion

    @Test func onlyThePurgedBeginningOfAPartitionIsDeleted() {
        let partitions = (0..<4).map { TopicPartition("mesh.dlq", Int32($0)) }
        var frontier = Purge.Frontier(ranges: [
            partitions[0]: 0..<10, partitions[1]: 5..<9, partitions[2]: 0..<3, partitions[3]: 4..<4,
        ])
        // All purged; the beginning purged with one behind it; the first one is open; empty.
        for offset in [0, 4, 8] as [Int64] { frontier.add(partitions[0], offset, .purged) }
        frontier.add(partitions[1], 5, .purged)
        frontier.add(partitions[1], 7, .redriven)
        frontier.add(partitions[1], 8, .purged)
        frontier.add(partitions[2], 0, .open)
        frontier.add(partitions[2], 1, .purged)
        #expect(frontier.offsets == [partitions[0]: 10, partitions[1]: 7])
        #expect(frontier.remaining == 2)
        #expect(frontier.deletable == 4)
    }

    @Test func nothingIsDeletedWhereNothingIsPurged() {
        let partition = TopicPartition("mesh.dlq", 0)
        var frontier = Purge.Frontier(ranges: [partition: 0..<10])
        frontier.add(partition, 6, .open)
        #expect(frontier.offsets.isEmpty)
    }

    // MARK: lists and figures

    @Test func aNarrowTerminalShowsWhereItCameFromAndWhyBelow() {
        let letter = Letters.make(redrives: 2, timestamp: 5_000)
        func list(_ width: Int?, _ message: String = "no") -> [String] {
            let record = letter.record
            let headers =
                record.headers.filter { $0.name != RecordHeader.exceptionMessage }
                + [Header(RecordHeader.exceptionMessage, text: message)]
            let other = DeadLetter(
                Record(
                    topicPartition: record.topicPartition, offset: record.offset, key: nil, value: nil, headers: Headers(headers),
                    timestamp: record.timestamp))
            return DeadLetterText.list([entry(other)], now: Timestamp(milliseconds: 65_000), style: Style(isColoured: false))
                .lines(width: width)
        }
        #expect(list(nil, "no luck")[1] == "3@7    1 m  TestBot  invalid-payload  build.completed[4]@99      2         2  open   no luck")
        #expect(list(100).count == 2)
        let narrow = list(80, "the payload has no commit, and much more is wrong with it than a terminal has room for on a line")
        #expect(
            narrow == [
                "PLACE  AGE  BOT      REASON           STATE", "3@7    1 m  TestBot  invalid-payload  open",
                "    from build.completed[4]@99, 2 attempts, 2 redrives: the payload has no",
                "    commit, and much more is wrong with it than a terminal has room for on a",
                "    line",
            ])
        let long = list(80, String(repeating: "words without end ", count: 50))
        #expect(long.count == 5)
        #expect(long.allSatisfy { $0.columns <= 80 } && long[4].hasSuffix("…"))
        #expect(list(80, String(repeating: "x", count: 300)).allSatisfy { $0.columns <= 80 })
    }

    @Test func theNewestAreKept() {
        var newest = Newest.deadLetters(3)
        for offset in (0..<500 as Range<Int64>).shuffled() {
            newest.add(entry(Letters.make(offset: offset, timestamp: offset)))
        }
        #expect(newest.seen == 500)
        #expect(newest.sorted.map(\.letter.place.offset) == [497, 498, 499])
    }

    @Test func statesAreCountedApart() {
        var stats = DeadLetterStats()
        let now = Timestamp(milliseconds: 2 * 3_600_000)
        stats.add(entry(Letters.make(timestamp: 2 * 3_600_000 - 5)), now: now)
        stats.add(entry(Letters.make(timestamp: 0), .quarantined), now: now)
        stats.add(entry(Letters.make(bot: "BuildBot", timestamp: 0), .redriven), now: now)
        #expect(stats.rows(.bot).map(\.name) == ["TestBot", "BuildBot"])
        #expect(stats.rows(.bot)[0].counts[.open] == 1)
        #expect(stats.rows(.bot)[0].counts[.quarantined] == 1)
        #expect(stats.rows(.age).map(\.name) == ["under 1 h", "1 h to 1 d"])
        #expect(stats.all.total == 3)
        #expect(stats.all[.redriven] == 1)
    }
}
