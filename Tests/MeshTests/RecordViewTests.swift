import BotKit
import Envelopes
import Kafka
import Terminal
import Testing
import Topology

@testable import mesh

@Suite struct TopicChoiceTests {
    private let topics = [
        "build.completed", "build.log", "build.started", "code.committed", "mesh.audit", "mesh.dlq", "retry.buildbot", "__consumer_offsets",
    ]

    @Test(arguments: [
        (["#"], ["build.completed", "build.started", "code.committed"]),
        (["build.*"], ["build.completed", "build.started"]),
        (["*.log"], ["build.log"]),
        (["build.log", "mesh.dlq"], ["build.log", "mesh.dlq"]),
        (["mesh.*"], ["mesh.audit", "mesh.dlq"]),
        (["retry.#", "code.committed"], ["code.committed", "retry.buildbot"]),
        (["*"], []),
    ])
    func aPatternMeansEventsUnlessItSaysMore(words: [String], expected: [String]) throws {
        #expect(try TopicChoice(words).among(topics) == expected)
    }

    /// One rule for names and patterns, and for every command.
    @Test(arguments: [
        ("buld.started", "no topic 'buld.started'; did you mean 'build.started'?"),
        ("bild.*", "no topic matches 'bild.*'; did you mean 'build.*'?"),
        ("code.*.more", "no topic matches 'code.*.more'. See what there is: mesh topics list"),
        ("*.dlq", "no topic matches '*.dlq'. See what there is: mesh topics list"), ("#.log", nil), ("build.*", nil), ("mesh.dlq", nil),
    ])
    func whatMeansNoTopicIsWrongUse(word: String, expected: String?) throws {
        let choice = try TopicChoice(["code.*", word])
        let problem: UsageError?
        do throws(UsageError) {
            try choice.check(among: topics)
            problem = nil
        } catch {
            problem = error
        }
        #expect(problem?.message == expected)
    }

    @Test func whatIsNoPatternIsRefused() {
        #expect(throws: UsageError.self) { try TopicChoice(["buil*.x"]) }
        #expect(throws: UsageError.self) { try TopicChoice(["a..b"]) }
    }
}

@Suite struct FieldCheckTests {
    private let check = FieldCheck(payloads: [
        "build.completed": PayloadShape(
            schema: ["properties": ["branch": ["type": "string"], "artifact": ["properties": ["url": ["type": "string"]]]]]),
        "build.failed": PayloadShape(schema: ["properties": ["reason": ["type": "string"]]]),
        "own.event": nil,
    ])

    private func problems(_ filter: String, _ words: [String]?) throws -> [String] {
        check.problems(try Filter.parse(filter), try words.map { words throws(UsageError) in try TopicChoice(words) })
    }

    @Test func aFieldThatNoPayloadHasIsNamedWithItsPlaceAndTheNearest() throws {
        #expect(
            try problems("reason == null && brnach == 'main'", ["build.*"]) == [
                "--where, line 1, column 19: no payload of build.* has a field 'brnach' in the catalogue, so it is null; did you mean 'branch'?"
            ])
        #expect(try problems("artifact.ulr == ''", ["build.completed"]).count == 1)
        #expect(try problems("artifact.url == '' or branch in ['brnach']", ["build.completed"]) == [])
        #expect(try problems("reason == 'x'", ["build.completed"]).first?.hasSuffix("so it is null") == true)
    }

    @Test func wherePayloadsAreNotKnownNothingIsSaid() throws {
        for words in [["own.event"], ["other.event"], ["build.*", "own.event"], ["other.*"]] {
            #expect(try problems("brnach == 1", words) == [])
        }
        // A pattern means what is known.
        for words in [["#"], nil] { #expect(try problems("brnach == 1", words).count == 1) }
        #expect(try problems("envelope.source == 'a'", ["build.*"]) == [])
    }
}

@Suite struct RecordRangeTests {
    @Test func aRangeThatCanHoldNothingIsAMistake() {
        let (early, late) = (Place.time(Timestamp(milliseconds: 1)), Place.time(Timestamp(milliseconds: 2)))
        func holds(_ from: Place, _ to: Place) -> Bool { (try? RecordRange.check(from, to)) != nil }
        let possible: [(Place, Place)] = [
            (.beginning, .end), (early, late), (.offset(1), .offset(2)), (late, .offset(1)), (.beginning, .offset(0)), (early, .end),
        ]
        #expect(possible.allSatisfy { holds($0.0, $0.1) })
        let impossible: [(Place, Place)] = [
            (late, early), (early, early), (.offset(2), .offset(2)), (.end, .end), (.end, late), (late, .beginning),
        ]
        #expect(impossible.allSatisfy { !holds($0.0, $0.1) })
    }

    private let marks = Watermarks(low: 10, high: 100)

    @Test func placesAreKeptWithinTheLog() {
        func range(_ from: Place, _ to: Place = .end) -> RecordRange { .between(from, to, marks) { $0.milliseconds == 5 ? 42 : nil } }
        #expect(range(.beginning) == RecordRange(start: 10, end: 100))
        #expect(range(.end).isEmpty)
        #expect(range(.offset(3), .offset(50)) == RecordRange(start: 10, end: 50))
        #expect(range(.offset(500)) == RecordRange(start: 100, end: 100))
        #expect(range(.time(Timestamp(milliseconds: 5))) == RecordRange(start: 42, end: 100))
        #expect(range(.time(Timestamp(milliseconds: 6))).isEmpty)
        #expect(range(.beginning, .time(Timestamp(milliseconds: 5))) == RecordRange(start: 10, end: 42))
    }
}

@Suite struct TailLineTests {
    private func record(_ topic: String, _ value: String?, headers: [Header] = [], key: [UInt8]? = nil) -> Record {
        Record(
            topicPartition: TopicPartition(topic, 2), offset: 7, key: key, value: value.map { Array($0.utf8) }, headers: Headers(headers),
            timestamp: RecordTimestamp(kind: .created, milliseconds: 1_795_261_476_250))
    }

    private func line(_ record: Record, _ format: OutputFormat, headers: Bool = false) -> String {
        let content = RecordContent.of(record)
        let line = TailLine(format: format, style: Style(isColoured: false), showsHeaders: headers)
        return String(decoding: line.bytes(record, content), as: UTF8.self)
    }

    @Test func anEventSaysWhereItIsWhoWroteItAndWhatItIsAbout() {
        let text = line(
            record("build.failed", #"{"source":"BuildBot","payload":{"repository":"https://x/shop.git","reason":"no"}}"#), .text)
        #expect(text.hasPrefix("2026-11-21T11:44:36.250Z  build.failed[2]@7 "))
        #expect(text.contains(" BuildBot "))
        #expect(text.hasSuffix(" shop no"))
    }

    @Test func whatIsNoEnvelopeIsShownAsSuch() throws {
        let text = line(record("build.failed", "a\u{1b}[2Jb\nc"), .text)
        #expect(text.contains("no envelope (not-json"))
        #expect(!text.contains("\u{1b}") && !text.contains("\n"))
        let json = try JSONValue.parse(line(record("build.failed", "a\nb"), .json))
        #expect(json["value"] == .string("a\nb"))
        #expect(json["problem"]?.string?.hasPrefix("not-json") == true)
        #expect(line(record("build.failed", nil), .text).contains("null"))
    }

    @Test func bytesThatAreNoTextSurviveInBase64() throws {
        let json = try JSONValue.parse(
            line(
                Record(
                    topicPartition: TopicPartition("a.b", 0), offset: 0, key: [0xff, 0], value: [0xfe],
                    headers: [Header("x", [0xfd]), Header("y", nil)]), .json, headers: true))
        #expect(json["key_base64"]?.string.flatMap(Base64.decode) == [0xff, 0])
        #expect(json["value_base64"]?.string.flatMap(Base64.decode) == [0xfe])
        #expect(json["headers"]?["x_base64"]?.string.flatMap(Base64.decode) == [0xfd])
        #expect(json["headers"]?["y"] == .null)
    }

    @Test func anEnvelopeOverSeveralLinesBecomesOne() throws {
        let text = line(record("build.failed", "{\n\"payload\": {\n\"reason\": \"x\"\n}\n}"), .json)
        #expect(!text.contains("\n"))
        #expect(try JSONValue.parse(text)["envelope"]?["payload"]?["reason"] == .string("x"))
    }

    @Test func aDeadLetterIsReadAsWhatItWas() {
        let headers = [
            Header("kafka_dlt-original-topic", text: "code.committed"), Header("kafka_dlt-original-partition", text: "1"),
            Header("kafka_dlt-original-offset", text: "3"), Header("mesh_bot", text: "BuildBot"),
            Header("mesh_error_code", text: "crashes"),
        ]
        let record = record("mesh.dlq", #"{"payload":{"repository":"https://x/shop.git"}}"#, headers: headers)
        #expect(RecordContent.of(record).envelope?.type == "code.committed")
        #expect(line(record, .text).contains("from code.committed[1]@3, by BuildBot, crashes"))
    }

    @Test(arguments: 0..<20) func base64RoundTrips(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 200) }
        #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        #expect(Base64.decode("abc") == nil)
        #expect(Base64.decode("ab=c") == nil)
    }

    @Test func filtersLookIntoThePayloadAndTheEnvelope() throws {
        let record = record(
            "build.failed", #"{"source":"BuildBot","correlation_id":"run-12","payload":{"n":3,"list":["a","b"],"size":{"x":1}}}"#)
        let content = RecordContent.of(record)
        func admits(_ filter: RecordFilter) -> Bool { filter.admits(record, content) }
        #expect(admits(RecordFilter()))
        #expect(admits(RecordFilter(condition: try .parse("n > 2"), correlation: "run-12", bot: "BuildBot")))
        #expect(!admits(RecordFilter(condition: try .parse("n > 3"))))
        #expect(admits(RecordFilter(condition: try .parse("list.1 == 'b' && n == 3 && missing == null"))))
        #expect(admits(RecordFilter(condition: try .parse("size.x == 1"))))
        #expect(!admits(RecordFilter(correlation: "run-2")))
        #expect(!admits(RecordFilter(correlation: "run-1")), "it is another run's name")
        #expect(RecordFilter.isRun("a1a313a4-3476-5158-bc52-cfe1c1acaa7f", "a1a3"))
        #expect(!RecordFilter.isRun("a1a313a4-3476-5158-bc52-cfe1c1acaa7f", "b"))
        #expect(!admits(RecordFilter(bot: "TestBot")))
    }
}
