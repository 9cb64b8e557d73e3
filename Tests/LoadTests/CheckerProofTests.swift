import BotKit
import Kafka
import MeshRuntime
import Testing

@testable import meshload

/// A run that shows nothing is none.
@Suite struct CheckerProofTests {
    @Test func aRunWithHardlyAnyLoadIsNone() throws {
        var scene = ChaosScene()
        scene.plan.load.requestsPerSecond = 2
        try scene.request("1")
        try scene.result(of: "1")
        scene.expectFault("only 1 of 4 requests")
        try scene.request("2")
        try scene.result(of: "2")
        #expect(scene.verdict.faults == [])
        scene.plan.load.poisonPerMille = 10
        scene.expectFault("no request was poison")
        scene.plan.load.repeatPerMille = 10
        scene.expectFault("no request was repeated")
    }

    @Test func aBotThatTookTooMuchMemoryIsFound() throws {
        var scene = ChaosScene()
        try scene.request("1")
        try scene.result(of: "1")
        scene.peaks = [1: ChaosVerdict.mostMegabytes, 2: ChaosVerdict.mostMegabytes + 1]
        scene.expectFault("bot 2 had \(ChaosVerdict.mostMegabytes + 1) MB of memory")
        #expect(scene.verdict.faults.count == 1)
    }

    /// What a run is for that tries again, by the topic or in place.
    @Test func aRunThatTriesNothingAgainIsNone() throws {
        let habits = ChaosBot.Habits(transientPerMille: 1_000)
        let right = habits.failures(1) + 1
        func scene(_ retry: RetryPolicy.Mode, attempt: Int?, throughTopic: Bool) throws -> ChaosScene {
            var scene = ChaosScene()
            (scene.plan.load.transientPerMille, scene.plan.retry) = (1_000, retry)
            scene.ledger = ChaosLedger(of: ChaosScene.topics, habits)
            try scene.request("1")
            if throughTopic { try scene.retry("1", CommittedOffset(offset: 1)) }
            try scene.result(of: "1", isReordered: throughTopic, attempt: attempt)
            return scene
        }
        try scene(.inPlace, attempt: nil, throughTopic: false).expectFault("no request was tried again")
        #expect(try scene(.inPlace, attempt: right, throughTopic: false).verdict.faults == [])
        try scene(.inPlace, attempt: right, throughTopic: true).expectFault("tried again in place")
        try scene(.topic, attempt: right, throughTopic: false).expectFault("no request went through the retry topic")
        #expect(try scene(.topic, attempt: right, throughTopic: true).verdict.faults == [])
    }

    /// An attempt that is counted twice, or forgotten, is known by the result: it is given at the first that does not fail.
    @Test func aResultOfAnotherAttemptIsFound() throws {
        let habits = ChaosBot.Habits(transientPerMille: 1_000)
        let right = habits.failures(1) + 1
        func scene(_ attempt: Int) throws -> ChaosScene {
            var scene = ChaosScene()
            (scene.plan.load.transientPerMille, scene.plan.retry) = (1_000, .inPlace)
            scene.ledger = ChaosLedger(of: ChaosScene.topics, habits)
            try scene.request("1")
            try scene.result(of: "1", attempt: attempt)
            return scene
        }
        #expect(try scene(right).verdict.faults == [])
        try scene(right + 1).expectFault(
            "1 results were given at another attempt than they should be: 1: attempt \(right + 1) instead of \(right)")
    }

    @Test func clocksThatNoRecordShowsWereNotStepped() {
        let plan = ChaosPlanner.plan(.clock, .exactlyOnce, seed: 1, seconds: 4)
        #expect(Effects.missing(plan, shifted: [1, -1]) == [])
        #expect(Effects.missing(plan, shifted: [1]).count == 1)
        #expect(Effects.missing(plan, shifted: []).count == 2)
    }

    /// What any rebalance writes, what was there before the fault, and what another topic is refused, is no alarm about mesh.dlq.
    @Test func anAlarmIsOnlyWhatTellsOfTheDeadLetterTopicSinceTheFaultBegan() throws {
        let workspace = try Workspace()
        defer { workspace.remove() }
        let plan = ChaosPlanner.plan(.deadLetters, .exactlyOnce, seed: 1, seconds: 4)
        func alarm(_ topic: String) -> String { "ERROR Bot: for 6 s \(topic) cannot be written, and so nothing is committed: why\n" }
        var log = alarm("mesh.dlq")
        func add(_ line: String) throws {
            log += line
            try workspace.write(log, to: ChaosLaunch.log(2))
        }
        try add("INFO Bot: ready\n")
        let alarms = Alarms(plan, workspace)
        for line in [
            "INFO Bot: nothing of a settlement of 3 results is visible: why\n", "WARN Bot: the heartbeat cannot be written: mesh.dlq\n",
            alarm("mesh.audit"),
        ] {
            try add(line)
            #expect(alarms.missing().count == 1)
        }
        try add(alarm("one of bench.response, mesh.dlq"))
        #expect(alarms.missing() == [])
    }

    /// There results may be repeated on a clean run.
    @Test func whereABotHadTooLittleTimeToSettleIsSeen() throws {
        let workspace = try Workspace()
        defer { workspace.remove() }
        try workspace.write("INFO Bot: gave 2 partitions up partitions=\"a[1] a[2]\"\n", to: ChaosLaunch.log(1))
        #expect(try Alarms.hastilyGivenUp(workspace) == [])
        let line = "WARN Bot: 2000 ms: \(RuntimeSettings.tooShortToSettle) partitions="
        try workspace.write("\(line)\"a[3] b[4]\"\n\(line)c[5]\nINFO Bot: on partitions=d[6]\n", to: ChaosLaunch.log(6))
        #expect(try Alarms.hastilyGivenUp(workspace) == ["a[3]", "b[4]", "c[5]"])
    }

    @Test func howManyRecordsWereWrittenAgainIsAddedUp() throws {
        let workspace = try Workspace()
        defer { workspace.remove() }
        #expect(try Alarms.writtenAgain(workspace) == 0)
        func line(_ count: Int) -> String {
            "WARN Bot: the broker has not answered for \(count) records: \(RuntimeSettings.mayBeTwice) records=\(count)\n"
        }
        try workspace.write(line(3) + "INFO Bot: 9 records=9\n" + line(40), to: ChaosLaunch.log(1))
        try workspace.write(line(500), to: ChaosLaunch.log(2))
        #expect(try Alarms.writtenAgain(workspace) == 543)
        try workspace.write("WARN Bot: \(RuntimeSettings.mayBeTwice)\n", to: ChaosLaunch.log(3))
        #expect(throws: LoadFailure.self) { try Alarms.writtenAgain(workspace) }
    }

    @Test func aBotThatTakesALogForCutIsFound() throws {
        let workspace = try Workspace()
        defer { workspace.remove() }
        try workspace.write("INFO Bot: ready\n", to: ChaosLaunch.log(1))
        #expect(try Alarms.mistaken(workspace) == [])
        let line = "ERROR Bot: a[3] \(RuntimeSettings.wasCut): it was read up to 9"
        try workspace.write("INFO Bot: ready\n\(line)\n", to: ChaosLaunch.log(2))
        #expect(try Alarms.mistaken(workspace) == ["a bot took a log for cut, and none was: \(line)"])
    }
}
