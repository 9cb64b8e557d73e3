import Envelopes
import Glibc
import Kafka
import Terminal
import Testing

@testable import mesh

@Suite struct RunTimelineTests {
    private let build = RunID.derived(event: EventID("e1")!, bot: "BuildBot")

    private func record(_ topic: String, _ offset: Int64, _ value: String, at: Int64, headers: [Header] = []) -> Record {
        Record(
            topicPartition: TopicPartition(topic, 0), offset: offset, key: nil, value: Array(value.utf8), headers: Headers(headers),
            timestamp: RecordTimestamp(kind: .created, milliseconds: at))
    }

    private func event(_ topic: String, _ offset: Int64, id: String, cause: String?, source: String, at: Int64, payload: String = "{}")
        -> Record
    {
        let cause = cause.map { #","causation_id":"\#($0)""# } ?? ""
        let time = Timestamp(milliseconds: at).text
        return record(
            topic, offset,
            #"{"id":"\#(id)","source":"\#(source)","timestamp":"\#(time)","correlation_id":"run-1"\#(cause),"payload":\#(payload)}"#, at: at
        )
    }

    private func audit(_ action: String, at: Int64, outcome: String? = nil) -> Record {
        var entry = AuditRecord(
            actor: "BuildBot-2", chain: "c", sequence: 0, action: action, subject: "build.run", runID: build, correlationID: "run-1",
            idempotencyKey: "k", at: Timestamp(milliseconds: at).text)
        entry.outcome = outcome
        if outcome != nil { entry.durationSeconds = 1.5 }
        return record("mesh.audit", at, String(decoding: (try? JSONCoder.bytes(entry)) ?? [], as: UTF8.self), at: at)
    }

    private func timeline(_ records: [Record], logLines: Int = 2) -> RunTimeline {
        var run = RunCollector(correlationID: "run-1", logLines: logLines)
        for record in records { run.take(record, .of(record)) }
        return RunTimeline(run)
    }

    private var records: [Record] {
        [
            audit("call.finished", at: 3_000, outcome: "permanent"), audit("call.started", at: 1_500),
            event("build.failed", 4, id: "e3", cause: "e1", source: "BuildBot", at: 3_100, payload: #"{"reason":"no"}"#),
            event("code.committed", 1, id: "e1", cause: nil, source: "git", at: 1_000),
            event("build.started", 2, id: "e2", cause: "e1", source: "BuildBot", at: 1_400),
        ]
    }

    @Test func whatHappenedStandsInTheOrderOfTimeWithItsCause() {
        let timeline = timeline(records.reversed())
        #expect(timeline.entries.map(\.name) == ["code.committed", "build.started", "build.run", "build.failed"])
        #expect(timeline.entries.map(\.cause) == [nil, 0, 0, 0])
        #expect(timeline.entries[2].duration == 1.5)
        #expect(timeline.entries[2].detail == "permanent")
        #expect(timeline.entries.map(\.isFailure) == [false, false, true, true])
        #expect(timeline.summary == "3 events, 1 call (1 failed)")
        #expect(timeline.ended == Timestamp(milliseconds: 3_100))
    }

    /// A call that takes no time begins in the same millisecond as what the bot says of it.
    @Test(arguments: [(0.001, ["build.run", "build.failed"]), (0.5, ["build.failed", "build.run"])])
    func whatABotSaysOfACallStandsBehindIt(seconds: Double, expected: [String]) {
        var call = AuditRecord(
            actor: "BuildBot-2", chain: "c", sequence: 0, action: "call.started", subject: "build.run", runID: build,
            correlationID: "run-1", idempotencyKey: "k", at: Timestamp(milliseconds: 1_500).text)
        func written(_ offset: Int64) -> Record {
            record("mesh.audit", offset, String(decoding: (try? JSONCoder.bytes(call)) ?? [], as: UTF8.self), at: 1_500)
        }
        let started = written(1)
        (call.action, call.outcome, call.durationSeconds) = ("call.finished", "success", seconds)
        let timeline = timeline([
            event("build.failed", 4, id: "e3", cause: "e1", source: "BuildBot", at: 1_500), started, written(2),
            event("code.committed", 1, id: "e1", cause: nil, source: "git", at: 1_000),
        ])
        #expect(timeline.entries.dropFirst().map(\.name) == expected)
        #expect(timeline.entries.map(\.cause) == [nil, 0, 0])
    }

    /// The audit has the answer a moment after the bot has said what follows from it.
    @Test func aCallAnsweredFromTheAuditStandsBeforeWhatTheBotSaysOfIt() {
        let timeline = timeline([
            event("build.started", 2, id: "e2", cause: "e1", source: "BuildBot", at: 1_490),
            event("build.completed", 3, id: "e3", cause: "e1", source: "BuildBot", at: 1_499),
            audit("call.replayed", at: 1_500, outcome: "success"), records[3],
        ])
        #expect(timeline.entries.map(\.name) == ["code.committed", "build.started", "build.run", "build.completed"])
    }

    @Test func whatARedriveHasPutBackSaysSo() {
        let value = #"{"id":"e1","type":"code.committed","correlation_id":"run-1","payload":{}}"#
        let timeline = timeline([
            record(
                "retry.buildbot", 3, value, at: 5_000,
                headers: [
                    Header("kafka_dlt-original-topic", text: "code.committed"), Header("kafka_dlt-original-partition", text: "0"),
                    Header("kafka_dlt-original-offset", text: "1"), Header("mesh_redrives", text: "2"),
                ])
        ])
        #expect(timeline.entries.map(\.detail) == ["put back from mesh.dlq, redrive 2"])
    }

    @Test func whileACallIsNotBackTheRunGoesOn() throws {
        let open = timeline([records[1], records[3]])
        #expect(open.isOpen && open.summary == "1 event, 1 call (1 not back yet)")
        #expect(TraceView(timeline: open).objects().last?.durationSeconds == nil)
        let closed = timeline(records)
        #expect(!closed.isOpen && TraceView(timeline: closed).objects().last?.durationSeconds == 2.1)
        // Begun again by another process, whose records may come first: the earlier one is not waited for.
        let again = timeline([audit("call.started", at: 2_500), audit("call.finished", at: 3_000, outcome: "success"), records[1]])
        #expect(!again.isOpen)
        #expect(again.entries.map(\.detail) == ["did not come back, begun again", "success"])
    }

    @Test func aCallWhoseEndComesFirstIsStillOneEntry() {
        let timeline = timeline([audit("call.finished", at: 3_000, outcome: "success")])
        #expect(timeline.entries.count == 1)
        #expect(timeline.entries[0].time == Timestamp(milliseconds: 1_500))
    }

    @Test(arguments: [-1e300, -0.001, 1e300, .infinity, 1.5]) func aDurationThatCannotBeIsShownAsTheNearestThatCan(seconds: Double) {
        var call = TraceEntry(kind: .call, time: Timestamp(milliseconds: 1), place: "a[0]@1", name: "build.run", by: "A-1", detail: "")
        call.duration = TraceEntry.inRange(seconds)
        #expect(call.took.map { $0 >= .zero && $0 <= .seconds(1_000_000_000) } == true)
        let value = #"{"action":"call.finished","at":"2026-01-01T00:00:00.000Z","duration_seconds":\#(seconds.isFinite ? seconds : 1e308)}"#
        let timeline = timeline([record("mesh.audit", 1, value, at: 1_767_225_600_000)])
        #expect(timeline.entries.first?.duration == TraceEntry.inRange(seconds))
        #expect(TraceView(timeline: timeline).mermaid().contains("Note over p1: ?"))
        let null = open("/dev/null", O_WRONLY)
        defer { close(null) }
        TraceView(timeline: timeline).write(to: Output(format: .text, descriptor: null, environment: [:]))
    }

    @Test func retriesAndDeadLettersTellWhoGaveUpAndWhy() {
        let value = #"{"id":"e1","type":"code.committed","correlation_id":"run-1","payload":{}}"#
        let origin = [
            Header("kafka_dlt-original-topic", text: "code.committed"), Header("kafka_dlt-original-partition", text: "0"),
            Header("kafka_dlt-original-offset", text: "1"), Header("kafka_dlt-original-consumer-group", text: "BuildBot"),
            Header("mesh_attempts", text: "2"),
        ]
        let timeline = timeline([
            event("code.committed", 1, id: "e1", cause: nil, source: "git", at: 1_000),
            record("retry.buildbot", 0, value, at: 2_000, headers: origin + [Header("mesh_not_before", text: "9000")]),
            record(
                "mesh.dlq", 0, value, at: 9_500,
                headers: origin + [Header("mesh_bot", text: "BuildBot"), Header("mesh_error_code", text: "gone")]),
        ])
        #expect(timeline.entries.map(\.kind) == [.event, .retry, .deadLetter])
        #expect(timeline.entries.map(\.by) == ["git", "BuildBot", "BuildBot"])
        #expect(timeline.entries.map(\.cause) == [nil, 0, 0])
        #expect(timeline.entries[1].detail.contains("after attempt 2, due 1970-01-01T00:00:09.000Z"))
        #expect(timeline.entries[2].detail.hasPrefix("gone, attempt 2"))
    }

    @Test func ofALogTheLastLinesAreKept() {
        let lines = (0..<50).map { number in
            event(
                "build.log", Int64(number), id: "l\(number)", cause: "e1", source: "BuildBot", at: 2_000,
                payload: #"{"run_id":"r","step":"compile","stream":"stdout","text":"line \#(number)","sequence":\#(number)}"#)
        }
        let timeline = timeline(lines)
        #expect(timeline.logs.map(\.lines) == [50])
        #expect(timeline.logs.first?.excerpt == ["line 48", "line 49"])
        #expect(timeline.entries.isEmpty)
    }

    @Test func thePictureHasAnArrowFromWhoSaidItToWhoActed() {
        let lines = TraceView(timeline: timeline(records)).mermaid().split(separator: "\n").map { $0.drop { $0 == " " } }
        #expect(lines.first == "sequenceDiagram")
        #expect(lines.contains("p1->>p2: code.committed +0.00 s"))
        #expect(lines.contains("Note over p2: build.failed +2.10 s"))
    }

    @Test func aRunWithMoreThanThereIsRoomForSaysSo() {
        var run = RunCollector(correlationID: "run-1", logLines: 0)
        let one = event("build.started", 2, id: "e2", cause: "e1", source: "BuildBot", at: 1_400)
        let content = RecordContent.of(one)
        for _ in 0..<RunCollector.maximumEntries + 5 { run.take(one, content) }
        #expect(run.entries.count == RunCollector.maximumEntries)
        #expect(run.left == 5)
    }

    @Test func nearestRunsShareTheirBeginning() {
        let ids = ["abcd-1", "abce-2", "abcdef", "zzz"]
        #expect(NearestRuns.of("abcdeX", among: ids) == ["abcdef", "abcd-1"])
        #expect(NearestRuns.of("q", among: ids).isEmpty)
    }

    @Test(arguments: ["", "a", "abc", "cab", "aabaab", "bc"]) func bytesAreFoundWhereTheyStand(pattern: String) {
        for text in ["", "a", "abcabc", "aabaabaab", "xxcabx", "aaaaab"] {
            #expect(ByteSearch(pattern).isIn(Array(text.utf8)) == (pattern.isEmpty || text.contains(pattern)), "\(pattern) in \(text)")
        }
    }
}
