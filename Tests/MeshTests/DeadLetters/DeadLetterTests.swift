import BotKit
import Envelopes
import Kafka
import Terminal
import Testing

@testable import MeshRuntime
@testable import mesh

/// Dead letters that tests make.
enum Letters {
    static func settings(_ bot: String = "TestBot") -> RuntimeSettings { RuntimeSettings(bot: bot) }

    /// As the runtime writes it, read back from `mesh.dlq`.
    static func make(
        bot: String = "TestBot", code: String = "invalid-payload", origin: Record = event(), offset: Int64 = 7, partition: Int32 = 3,
        redrives: Int = 0, timestamp: Int64 = 5_000, change: (inout Passport) -> Void = { _ in }
    ) -> DeadLetter {
        var passport = Passport(origin, isOwnTopic: false)
        passport.redrives = redrives
        change(&passport)
        let written = DeadLetters(settings: settings(bot), version: "1.0.0", partitions: 6).record(
            for: origin, passport, id: nil, failure: Failure(code: code, message: "no"), attempts: 2, at: Timestamp(milliseconds: 4_000))
        return DeadLetter(
            Record(
                topicPartition: TopicPartition("mesh.dlq", partition), offset: offset, key: written.key, value: written.value,
                headers: written.headers, timestamp: RecordTimestamp(kind: .created, milliseconds: timestamp)))
    }

    static func event(
        _ topic: String = "build.completed", key: String? = "shop", _ value: String = #"{"id":"e1","payload":{"branch":"main"}}"#
    ) -> Record {
        Record(
            topicPartition: TopicPartition(topic, 4), offset: 99, key: key.map { Array($0.utf8) }, value: Array(value.utf8),
            headers: [Header("ce_id", text: "e1"), Header("x", nil)], timestamp: RecordTimestamp(kind: .created, milliseconds: 1_000))
    }
}

@Suite struct DeadLetterTests {
    @Test(arguments: [
        ("3@10482", "3@10482"), ("mesh.dlq[3]@10482", "3@10482"), ("0@0", "0@0"), ("3", nil), ("3@", nil), ("@4", nil), ("-1@4", nil),
        ("3@-4", nil), ("mesh.dlq[3@4", nil), ("3@4@5", nil), ("3@99999999999999999999", nil), ("", nil),
    ]) func aPlaceIsPartitionAndOffset(text: String, expected: String?) {
        #expect(DeadLetterPlace(text)?.description == expected)
    }

    @Test func itTellsWhatTheRuntimeWrote() throws {
        let letter = Letters.make(redrives: 2)
        #expect(letter.bot == "TestBot")
        #expect(letter.code == "invalid-payload")
        #expect(letter.origin?.description == "build.completed[4]@99")
        #expect(letter.attempts == 2)
        #expect(letter.redrives == 2)
        #expect(try letter.envelope().get().id.text == "e1")
    }

    @Test func whatNoBotWroteIsReadToo() {
        let letter = DeadLetter(Record(topicPartition: TopicPartition("mesh.dlq", 0), offset: 1, key: nil, value: nil))
        #expect(letter.bot == nil)
        #expect(letter.code == "unknown")
        #expect(letter.origin == nil)
        #expect(throws: RedriveRecord.Refusal.noBot) { try RedriveRecord.make(letter, partitions: ["retry.testbot": 1]) }
    }

    // MARK: put back

    @Test(arguments: ["shop", nil]) func theBotReadsWhatTheFirstAttemptRead(key: String?) throws {
        let origin = Letters.event(key: key)
        let letter = Letters.make(origin: origin, redrives: 1) { passport in
            passport.produced = ["test.started": 1]
            passport.reminder = .init(reminder: Reminder(name: "late", after: .seconds(5)), id: "r1")
            passport.aggregate = "shop/main"
            passport.priority = .high
        }
        let record = try RedriveRecord.make(letter, partitions: ["retry.testbot": 4])
        #expect(record.topic == "retry.testbot")
        #expect(record.value == origin.value)
        let read = Passport(
            Record(
                topicPartition: TopicPartition(record.topic, 0), offset: 0, key: record.key, value: record.value, headers: record.headers,
                timestamp: .none), isOwnTopic: true)
        #expect(read.origin == Passport.Origin(topic: "build.completed", partition: 4, offset: 99, timestamp: origin.timestamp))
        #expect(read.headers == origin.headers)
        #expect(read.key == origin.key)
        #expect(read.attempts == 0)
        #expect(read.redrives == 2)
        #expect(read.firstFailure == Timestamp(milliseconds: 4_000))
        #expect(read.notBefore == nil)
        #expect(read.produced == ["test.started": 1])
        #expect(read.reminder == .init(reminder: Reminder(name: "late", after: .seconds(5)), id: "r1"))
        #expect(read.aggregate == "shop/main")
        #expect(read.priority == .high)
    }

    @Test func withoutAKeyTheSameLetterGoesToTheSamePartition() throws {
        let letter = Letters.make(origin: Letters.event(key: nil))
        #expect(try RedriveRecord.make(letter, partitions: ["retry.testbot": 3]).partition == 1)
        #expect(try RedriveRecord.make(Letters.make(), partitions: ["retry.testbot": 3]).partition == nil)
    }

    @Test func whatCannotGoIsRefused() {
        #expect(throws: RedriveRecord.Refusal.noTopic) { try RedriveRecord.make(Letters.make(), partitions: [:]) }
        let oversized = Letters.make(origin: Letters.event(#"{"mesh_oversized":true,"origin":"x[0]@1","size_bytes":1,"sha256":""}"#))
        #expect(oversized.isOversized == false, "the key is no value")
        let digest = Letters.make(origin: Letters.event("t", key: "k", #"{"mesh_oversized":true,"origin":"x[0]@1"}"#))
        #expect(throws: RedriveRecord.Refusal.oversized) { try RedriveRecord.make(digest, partitions: ["retry.testbot": 1]) }
    }

    // MARK: what it looks like

    @Test func bytesAreTextOrHexadecimal() {
        #expect(BytesText.lines(Array("a\tb\nc".utf8), isWhole: false) == ["a\\tb", "c"])
        #expect(BytesText.lines([0xc3, 0x28, 0x41], isWhole: false) == ["00000000  c3 28 41" + String(repeating: " ", count: 41) + ".(A"])
        let long = BytesText.lines(Array(String(repeating: "é", count: 3_000).utf8), isWhole: false)
        #expect(long.last == "… 1,904 bytes more; --full shows them")
        #expect(BytesText.lines(Array("x".utf8) + Array(String(repeating: "é", count: 3_000).utf8), isWhole: false)[0].hasPrefix("xéé"))
        #expect(BytesText.lines(Array(String(repeating: "é", count: 3_000).utf8), isWhole: true).count == 1)
        #expect(BytesText.lines([], isWhole: false) == [""])
    }

    @Test func aPageShowsTheEnvelopeBesideItsReason() {
        let origin = Letters.event("build.completed", #"{"id":"e1","payload":{"branch":"\u001b[2J"}}"#)
        let entry = DeadLetterBox.Entry(letter: Letters.make(origin: origin), state: .open)
        let page = DeadLetterPage(entry: entry, mark: nil, isWhole: false, now: Timestamp(milliseconds: 6_000))
        let text = page.lines(Style(isColoured: false)).joined(separator: "\n")
        for part in [
            "mesh.dlq[3]@7", "invalid-payload: no", "build.completed[4]@99", "attempts       2", #""id": "e1""#, #""branch": "\u001b[2J""#,
            "ce_id: e1", "x: null", "1970-01-01T00:00:05.000Z (1 s ago)",
        ] { #expect(text.contains(part), "\(part) is not in:\n\(text)") }
        #expect(!text.contains("\u{1b}"))
    }

    /// The names that `mesh dlq list --help` promises to programs.
    @Test func theJSONHasTheNamesThatAreDocumented() throws {
        let command = try #require(DeadLetterCommands.all.first { $0.name == "dlq list" })
        let text = command.json
        let names = try #require(text.split(separator: "; ").first?.split(separator: ": ").last).split(separator: ",").map {
            $0.split(separator: " ").joined()
        }
        let entry = DeadLetterBox.Entry(letter: Letters.make(), state: .open)
        let bytes = try JSONCoder.bytes(DeadLetterRow(entry: entry, now: Timestamp(milliseconds: 6_000)))
        #expect(Set(try #require(JSONValue.parse(bytes).object).keys) == Set(names))
    }
}
