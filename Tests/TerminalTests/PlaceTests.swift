import Envelopes
import Testing

@testable import Terminal

@Suite struct PlaceTests {
    static let now = Timestamp(milliseconds: 1_767_225_600_000)

    @Test(arguments: [
        ("beginning", Place.beginning), ("end", .end), ("0", .offset(0)), ("10482", .offset(10_482)),
        ("-10m", .time(Timestamp(milliseconds: 1_767_225_000_000))), ("-1h30m", .time(Timestamp(milliseconds: 1_767_220_200_000))),
        ("2026-01-01T00:00:00Z", .time(Timestamp(milliseconds: 1_767_225_600_000))),
        ("2026-01-01T01:00:00+01:00", .time(Timestamp(milliseconds: 1_767_225_600_000))),
    ]) func isUnderstood(text: String, place: Place) {
        #expect(Place.parse(text, now: Self.now) == place)
    }

    @Test(arguments: ["", "-", "begining", "10m", "-10", "+5", "2026-01-01", "99999999999999999999", "-10x", "1.5", "yesterday", "٣"])
    func otherTextIsNone(text: String) {
        #expect(Place.parse(text, now: Self.now) == nil)
    }

    @Test(arguments: [
        ("500ms", 500), ("30s", 30_000), ("1.5s", 1500), ("10m", 600_000), ("1h30m", 5_400_000), ("2d", 172_800_000), ("0s", 0),
        ("1m500ms", 60_500),
    ]) func durationsHaveUnits(text: String, milliseconds: Int64) {
        #expect(Duration.parse(text) == .milliseconds(milliseconds))
    }

    @Test(arguments: ["", "10", "m", "10 m", "30s1m", "1m1m", "-5s", ".5s", "5.s", "1e3s", "1..5s", "nans", "99999999999999d", "5µs"])
    func otherTextIsNoDuration(text: String) {
        #expect(Duration.parse(text) == nil)
    }

    @Test func flagsGiveThem() throws {
        let program = Program(
            name: "mesh", version: "1", summary: "",
            commands: [
                Command(
                    "tail", summary: "",
                    flags: [Flag("from", value: "PLACE", help: ""), .timeout("30s"), .format, Flag("every", value: "DURATION", help: "")],
                    run: { _ in 0 })
            ])
        func run(_ words: String...) throws -> Invocation {
            guard case .run(let invocation) = try program.parse(["tail"] + words, environment: [:]) else { throw UsageError("printed") }
            return invocation
        }
        #expect(try run().moment("from") == nil)
        #expect(try run("--from", "-10m").moment("from", now: Self.now) == .time(Timestamp(milliseconds: 1_767_225_000_000)))
        #expect(try run().duration("timeout") == .seconds(30))
        #expect(try run().duration("every") == nil)
        #expect(try run().format == .text)
        #expect(try run("--format", "json").format == .json)
        #expect(throws: UsageError("--format takes text, json, not 'jsn'; did you mean 'json'?")) { try run("--format", "jsn") }
        #expect(throws: UsageError("--every takes a time with its unit, e.g. 500ms, 30s, 10m, 1h30m, 2d, not '5'; did you mean '5s'?")) {
            try run("--every", "5").duration("every")
        }
        #expect(throws: UsageError("--every takes a time from 1 s to 1 m, not '2h'")) {
            try run("--every", "2h").duration("every", in: .seconds(1) ... .seconds(60))
        }
        #expect(
            throws: UsageError(
                "--from takes beginning, end, -10m (so long ago), a time such as 2026-01-31T12:00:00Z, or an offset, not 'begining'"
                    + "; did you mean 'beginning'?")
        ) { try run("--from", "begining").moment("from") }
    }

    @Test func unknownNamesGetTheNearest() {
        let bots = ["TestBot", "BuildBot"]
        #expect(UsageError.unknown("bot", "BuildBto", among: bots).message == "no bot 'BuildBto'; did you mean 'BuildBot'?")
        #expect(UsageError.unknown("topic", "x\u{1b}", among: ["b", "a"]).message == #"no topic 'x\u{1b}'. There are: a, b"#)
        #expect(UsageError.unknown("bot", "x", among: []).message == "no bot 'x'")
    }
}
