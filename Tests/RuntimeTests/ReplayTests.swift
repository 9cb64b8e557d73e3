import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// What becomes of replayed records: no call goes outside, unless the replay allows it.
@Suite struct ReplayTests {
    private func sendReplay(
        _ machine: Machine, _ work: Work, replay: String = "monday", topic: String? = nil, headers: [Header] = [],
        timeToLive: Duration? = nil
    ) throws {
        let envelope = Envelope(
            id: EventID("\(work.name)-\(work.number)")!, timestamp: Timestamp(milliseconds: machine.wall), source: "test", type: Work.type,
            payload: try work.jsonBytes(), timeToLive: timeToLive, replay: replay)
        var record = try MeshCodec(catalogue: EventCatalogue(), topics: machine.settings.topics).outgoing(envelope, key: work.name).record
        record.headers += headers
        if let topic {
            record.topic = topic
            record.headers += [
                Header("kafka_dlt-original-topic", text: Work.type.name), Header("kafka_dlt-original-partition", text: "0"),
                Header("kafka_dlt-original-offset", text: "0"),
            ]
        }
        machine.log.append(record)
    }

    private func skip(_ call: CallStart) -> CallOutcome {
        .failure(CallFailure(.permanent, code: ReplayMarks.skippedCode, message: "no result"))
    }

    private func header(_ name: String, of record: Record) -> String? {
        record.headers.last { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func aCallOfAReplayIsAnsweredFromTheAuditUnderItsOriginalKey() throws {
        let machine = try Machine(WorkBot.self)
        let work = Work(name: "a", number: 1, how: "chain")
        try machine.send(work)
        machine.runDry()
        try sendReplay(machine, work)
        machine.runDry()
        let (first, again) = (machine.started.prefix(2), machine.started.dropFirst(2))
        #expect(first.allSatisfy { $0.recall == nil })
        #expect(again.map(\.recall?.key) == first.map(\.idempotencyKey))
        #expect(again.allSatisfy { $0.recall?.replay == "monday" })
        let done = try machine.events(WorkDone.self)
        #expect(done.map(\.envelope.replay) == [nil, "monday"])
        #expect(machine.audits.count { $0.action == "call.replayed" && $0.outcome == "success" && $0.replay == "monday" } == 2)
        #expect(machine.audits.count { $0.action == "call.finished" } == 2, "only the original calls were made")
        #expect(machine.engine.figures.callsStarted == 2)
        // What is produced says what it would have been, and so does what follows from it.
        let records = machine.log.records(of: WorkDone.type.name)
        #expect(header("mesh_replay_of", of: records[1]) == done[0].envelope.id.text)
        machine.expectAllCommitted()
    }

    @Test func withoutARecordedResultTheRecordIsSkippedAndToldNotDeadLettered() throws {
        let machine = try Machine(WorkBot.self)
        machine.outcome = skip
        for how in ["call", "calls", "chain"] { try sendReplay(machine, Work(name: how, number: 1, how: how)) }
        machine.runDry()
        #expect(machine.dead.isEmpty)
        #expect(machine.log.records(of: machine.settings.topics.retry).isEmpty)
        #expect(try machine.events(WorkDone.self).isEmpty)
        #expect(machine.engine.figures.replaysSkipped == 3)
        let told = machine.audits.filter { $0.action == "replay.skipped" }
        #expect(told.count == 3)
        #expect(told.allSatisfy { $0.subject.hasPrefix("work.requested[") && $0.replay == "monday" && $0.code == "replay-skipped" })
        #expect(told.allSatisfy { $0.result?["message"]?.string == "no result" })
        machine.expectAllCommitted()
        // The same replay again is swallowed, after a restart too.
        try machine.crash()
        try sendReplay(machine, Work(name: "call", number: 1, how: "call"))
        machine.runDry()
        #expect(machine.engine.figures.replaysSkipped == 0)
        #expect(machine.engine.figures.duplicates == 1)
    }

    @Test func aResultThatIsNotKeptIsTold() throws {
        let machine = try Machine(WorkBot.self)
        machine.outcome = { _ in
            .failure(CallFailure(.permanent, code: "x", message: String(repeating: "a", count: CallOutcome.maximumRecordedBytes)))
        }
        try machine.send(Work(name: "call", number: 1, how: "call"))
        machine.runDry()
        #expect(machine.audits.last?.action == "call.finished" && machine.audits.last?.result == nil)
        let told = machine.entries.filter { $0.message.contains("the result of effort is not kept for replays: it has ") }
        #expect(told.count == 1 && told.first?.level == .warn)
    }

    @Test func aStateIsNotTouchedByWhatIsSkipped() throws {
        let machine = try Machine(CountBot.self)
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        machine.runDry()
        machine.outcome = skip
        try sendReplay(machine, Work(name: "a", number: 2, how: "call"))
        machine.runDry()
        try machine.send(Work(name: "a", number: 3, how: "plain"))
        machine.runDry()
        #expect(try machine.events(WorkDone.self).map(\.payload.total) == [1, 2])
    }

    @Test func aReplayMayAllowCallsAndSoDoesWhatFollowsFromIt() throws {
        let machine = try Machine(WorkBot.self)
        try sendReplay(machine, Work(name: "a", number: 1, how: "call"), headers: [Header("mesh_replay_calls", text: "1")])
        machine.runDry()
        #expect(machine.started.count == 1)
        #expect(machine.started[0].recall == nil)
        #expect(machine.log.records(of: WorkDone.type.name).map { header("mesh_replay_calls", of: $0) } == ["1"])
    }

    @Test func whatFollowsFromAReplayIsLookedUpUnderTheIDThatItWouldHaveHad() throws {
        let machine = try Machine(WorkBot.self)
        try sendReplay(machine, Work(name: "a", number: 1, how: "call"), headers: [Header("mesh_replay_of", text: "original")])
        machine.runDry()
        let key = UUIDv5.derive(["original", "WorkBot", "call", "0"]).text
        #expect(machine.started.map(\.recall?.key) == [key])
        let id = EventID.derived(causation: EventID("original")!, bot: "WorkBot", type: WorkDone.type, ordinal: 0)
        #expect(machine.log.records(of: WorkDone.type.name).map { header("mesh_replay_of", of: $0) } == [id.text])
    }

    @Test func anAuditThatCannotBeReadIsTriedAgain() throws {
        let machine = try Machine(WorkBot.self)
        machine.outcome = { _ in .failure(CallFailure(.transient, code: ReplayMarks.unreadableCode, message: "gone")) }
        try sendReplay(machine, Work(name: "a", number: 1, how: "call"))
        machine.runDry()
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["audit-unreadable"])
        #expect(machine.log.records(of: machine.settings.topics.retry).count == 2)
    }

    @Test(arguments: ["calls", "chain"]) func howLongTheAuditIsReadDoesNotCountAgainstTheRun(how: String) throws {
        var configuration = BotConfiguration(name: "WorkBot")
        configuration.constraints.timeout = .seconds(30)
        let machine = try Machine(WorkBot.self, configuration: configuration)
        try sendReplay(machine, Work(name: "a", number: 1, how: how))
        machine.restoreAll()
        for _ in 0..<100 where machine.calls.isEmpty {
            machine.deliver()
            machine.advance()
            machine.settle()
        }
        for _ in 0..<20 where !machine.calls.isEmpty {
            machine.pass(20_000)
            machine.advance()
            machine.finishCall()
            machine.advance()
            machine.settle()
        }
        #expect(machine.cancelled.isEmpty)
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 1)
        #expect(machine.dead.isEmpty)
        machine.expectAllCommitted()
    }

    @Test func aReplayForOneBotComesByItsRetryTopicAndItsTriggersChoose() throws {
        var configuration = BotConfiguration(name: "WorkBot")
        configuration.triggers = [.init(kind: .event, pattern: Work.type.name, filter: "number > 1", priority: .medium)]
        let machine = try Machine(WorkBot.self, configuration: configuration)
        for number in 1...3 {
            try sendReplay(machine, Work(name: "a", number: number, how: "plain"), topic: machine.settings.topics.retry)
        }
        machine.runDry()
        #expect(try machine.events(WorkDone.self).map(\.payload.number) == [2, 3])
        #expect(machine.engine.figures.filtered == 1)
        #expect(machine.dead.isEmpty)
        machine.expectAllCommitted()
    }

    @Test func aReplayForOneStatefulBotReachesItsAggregate() throws {
        let machine = try Machine(CountBot.self)
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        machine.runDry()
        try sendReplay(machine, Work(name: "a", number: 1, how: "plain"), topic: machine.settings.topics.retry)
        machine.runDry()
        #expect(try machine.events(WorkDone.self).map(\.payload.total) == [1, 2])
    }

    @Test func whatIsReplayedDoesNotExpire() throws {
        let machine = try Machine(WorkBot.self)
        try sendReplay(machine, Work(name: "a", number: 1, how: "plain"), timeToLive: .seconds(1))
        machine.pass(60_000)
        machine.runDry()
        #expect(machine.dead.isEmpty)
        #expect(try machine.events(WorkDone.self).count == 1)
    }

    @Test func seededCrashesSkipEachReplayOnce() throws {
        for seed in 1...20 as ClosedRange<UInt64> {
            let machine = try Machine(WorkBot.self, seed: seed)
            machine.outcome = { call in
                (call.request as! Effort).number % 2 == 0
                    ? .success(Effort.Response(number: 0))
                    : .failure(CallFailure(.permanent, code: ReplayMarks.skippedCode, message: "none"))
            }
            for number in 0..<10 { try sendReplay(machine, Work(name: "n\(number)", number: number, how: "call")) }
            for step in 0..<150 {
                machine.happen()
                if step % 40 == 39 { try machine.crash() }
            }
            machine.runDry()
            #expect(try machine.events(WorkDone.self).map(\.payload.number).sorted() == [0, 2, 4, 6, 8], "seed \(seed)")
            #expect(machine.dead.isEmpty)
            #expect(machine.started.allSatisfy { $0.recall != nil })
            machine.expectAllCommitted()
        }
    }
}

@Suite struct RecordedResultsTests {
    private func record(_ key: String, _ outcome: String, at: String, result: JSONValue? = nil, actor: String = "WorkBot-1") throws
        -> [UInt8]
    {
        let record = AuditRecord(
            actor: actor, chain: "c", sequence: 0, action: "call.finished", subject: "effort", outcome: outcome, code: "x",
            idempotencyKey: key,
            result: result, at: at)
        return try JSONCoder.bytes(record.sealed(after: ""))
    }

    private let effort = Effort(number: 1, step: 0)

    private func number(_ outcome: CallOutcome?) -> Int? {
        guard case .success(let response)? = outcome else { return nil }
        return (response as? Effort.Response)?.number
    }

    @Test func aSuccessCountsBeforeFailuresAndTheLatestOfItsKind() throws {
        var results = RecordedResults(bot: "WorkBot")
        results.take(try record("k", "success", at: "2026-01-01T00:00:02.000Z", result: .object(["number": .integer(2)])))
        results.take(try record("k", "transient", at: "2026-01-01T00:00:03.000Z"))
        results.take(try record("k", "success", at: "2026-01-01T00:00:01.000Z", result: .object(["number": .integer(1)])))
        #expect(number(results.outcome(of: effort, key: "k")) == 2)
        #expect(results.outcome(of: effort, key: "other") == nil)
    }

    @Test func aFailureIsAnsweredAsItWas() throws {
        var results = RecordedResults(bot: "WorkBot")
        let failure = CallFailure(.permanent, code: "gone", message: "it is gone")
        results.take(
            try record("k", "permanent", at: "2026-01-01T00:00:02.000Z", result: CallOutcome.failure(failure).audited(effort).result))
        results.take(try record("plain", "timed-out", at: "2026-01-01T00:00:02.000Z"))
        func answer(_ key: String) -> CallFailure? {
            if case .failure(let failure)? = results.outcome(of: effort, key: key) { failure } else { nil }
        }
        #expect(answer("k") == failure)
        #expect(answer("plain")?.kind == .timedOut)
        #expect(answer("plain")?.code == "x")
    }

    @Test func whatDoesNotFitIsNoAnswer() throws {
        var results = RecordedResults(bot: "WorkBot")
        results.take(Array("garbage".utf8))
        results.take(try record("strange", "success", at: "2026-01-01T00:00:02.000Z", result: .object(["other": .bool(true)])))
        results.take(try record("none", "success", at: "2026-01-01T00:00:02.000Z"))
        results.take(
            try record("others", "success", at: "2026-01-01T00:00:02.000Z", result: .object(["number": .integer(1)]), actor: "WorkBotX-1"))
        for key in ["strange", "none", "others"] { #expect(results.outcome(of: effort, key: key) == nil) }
    }

    @Test func memoryIsBoundedAndTheNewestStay() throws {
        var results = RecordedResults(bot: "WorkBot", maximumBytes: 1_000)
        for number in 0..<100 {
            results.take(
                try record("k\(number)", "success", at: "2026-01-01T00:00:02.000Z", result: .object(["number": .integer(Int64(number))])))
        }
        #expect(results.outcome(of: effort, key: "k0") == nil)
        #expect(results.order.count < 10, "of what was dropped the keys are let go too")
        #expect(number(results.outcome(of: effort, key: "k99")) == 99)
    }

    @Test func resultsThatMayHoldASecretAndLargeOnesAreNotKept() throws {
        let command = Execute(step: "a", arguments: ["a"], commandTimeLimit: .seconds(1))
        let printed = Execute.Response(
            exitStatus: 0, isSuccess: true, reason: "", stdout: "secret", stderr: "", output: "secret", durationSeconds: 0)
        let unkept = CallOutcome.success(printed).audited(command)
        #expect(unkept.result == nil && unkept.problem == nil, "it is no problem where nothing is kept at all")
        let http = HTTPCall(method: "GET", url: "http://x", timeLimit: .seconds(1))
        #expect(CallOutcome.success(HTTPCall.Response(status: 200, body: "secret", durationSeconds: 0)).audited(http).result == nil)
        #expect(CallOutcome.success(Effort.Response(number: 3)).audited(effort).result == .object(["number": .integer(3)]))
        let large = CallFailure(.permanent, code: "x", message: String(repeating: "a", count: CallOutcome.maximumRecordedBytes))
        let kept = CallOutcome.failure(large).audited(effort)
        #expect(kept.result == nil)
        #expect(kept.problem?.hasSuffix("the largest that is kept has 65536") == true)
    }

    /// An answer that nests deeper than the audit can be read is told in the log, and not kept.
    @Test func aResultThatIsNestedTooDeepIsNotKeptAndSaysSo() {
        func nested(_ levels: Int) -> (result: JSONValue?, problem: String?) {
            CallOutcome.success((1..<levels).reduce(JSONValue.array([.integer(1)])) { inner, _ in .array([inner]) }).audited(effort)
        }
        #expect(nested(JSONLimits.maximumDepth - 1).result != nil)
        for levels in [JSONLimits.maximumDepth, JSONLimits.maximumDepth + 1, 200] {
            #expect(nested(levels).result == nil)
            #expect(nested(levels).problem == "it is nested more than 64 levels deep", "\(levels) levels")
        }
    }
}
