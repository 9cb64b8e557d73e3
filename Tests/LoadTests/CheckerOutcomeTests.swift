import Envelopes
import Kafka
import MeshRuntime
import Testing

@testable import meshload

/// What becomes of requests: the checker finds each result and dead letter that must not be, and nothing where all is right.
@Suite struct CheckerOutcomeTests {
    @Test func aRunWithoutFlawPasses() throws {
        var scene = ChaosScene()
        for id in ["1", "2", "3"] { try scene.request(id, isPoison: id == "2") }
        scene.sample(at: 1, committed: 0)
        try scene.result(of: "1")
        try scene.dead("2")
        scene.sample(at: 2, committed: 2)
        try scene.result(of: "3")
        scene.sample(at: 3, committed: 3)
        #expect(scene.verdict.faults == [])
    }

    @Test func aLostRequestIsFoundAndAPendingOneIsNone() throws {
        var scene = ChaosScene(scenario: .dependency)
        try scene.request("1")
        scene.expectFault("neither a result")
        try scene.retry("1")
        #expect(scene.verdict.faults == [])
        var finished = ChaosScene(scenario: .dependency)
        try finished.request("1")
        try finished.retry("1", CommittedOffset(offset: 1))
        finished.expectFault("neither a result")
    }

    @Test func whatTheBrokerForgotIsFound() throws {
        var scene = ChaosScene()
        try scene.request("1")
        try scene.result(of: "1")
        var request = LoadStream.Sent(id: "2", isPoison: false)
        scene.sent.append(request)
        #expect(scene.verdict.faults == [])
        request.isAcknowledged = true
        scene.sent.append(request)
        scene.expectFault("not in the topic of requests")
    }

    @Test func aSecondResultIsWrongExactlyOnceAndWithAnotherIDAlways() throws {
        var scene = ChaosScene()
        try scene.request("1")
        try scene.result(of: "1")
        try scene.result(of: "1")
        scene.expectFault("repeated results are visible")
        scene.plan = ChaosPlanner.plan(.kill, .atLeastOnce, seed: 1, seconds: 2, rate: 1)
        #expect(scene.verdict.faults == [])
        try scene.result(of: "1", id: "other")
        scene.expectFault("id of their own")
    }

    @Test func aRepeatThatABotDownstreamDoesNotRememberIsWrong() throws {
        func scene(_ others: Int, retried: Bool = false) throws -> ChaosScene {
            var scene = ChaosScene(scenario: .dependency, mode: .atLeastOnce)
            scene.hasRestarts = true
            for id in 0...others { try scene.request("\(id)") }
            if retried { try scene.retry("0", CommittedOffset(offset: 1)) }
            for id in 0...others { try scene.result(of: "\(id)") }
            try scene.result(of: "0")
            return scene
        }
        #expect(try scene(999).verdict.faults == [])
        try scene(1_000).expectFault("1 repeated results lie 1000 others or more behind the one before")
        #expect(try scene(1_000, retried: true).verdict.faults == [], "a retry partition waits for its owner by itself")
    }

    /// What is tried again in its place holds its key up, and others fill the window meanwhile.
    @Test func whatWaitedBehindOneThatIsTriedAgainMayBeRepeatedLate() throws {
        let habits = ChaosBot.Habits(transientPerMille: 40)
        let failing = try #require((1...1_000).first { habits.failures($0) > 0 })
        /// - Parameters:
        ///   - again: which results are repeated in the end, in that order.
        ///   - between: how many results come between those.
        func forgotten(failing number: String, retried: Bool = false, again: [String], between: Int = 0) throws -> [String] {
            var scene = ChaosScene(scenario: .clock, mode: .atLeastOnce)
            scene.ledger = ChaosLedger(of: ChaosScene.topics, habits)
            scene.sequences[number] = failing
            let (first, then) = ((0..<1_000).map(String.init), (1_000..<1_000 + between).map(String.init))
            func key(_ id: String) -> String { ["held", "next"].contains(id) ? "b" : "a" }
            for id in ["held", "next"] + first + then { try scene.request(id, key: key(id)) }
            if retried { try scene.retry(number, CommittedOffset(offset: 1)) }
            for id in ["held", "next"] + first + again.prefix(1) + then + again.dropFirst() { try scene.result(of: id, key: key(id)) }
            return scene.ledger.forgotten
        }
        #expect(try forgotten(failing: "held", again: ["held", "next"]) == [])
        #expect(try forgotten(failing: "next", again: ["next", "held"]) == ["held"], "what is before it in its key does not wait")
        #expect(try forgotten(failing: "0", again: ["0", "held"]) == ["held"], "nor does another key")
        #expect(try forgotten(failing: "held", again: ["held", "next"], between: 1_000) == ["next"], "nor what comes long after it")
        #expect(try forgotten(failing: "held", retried: true, again: ["held", "next"]) == ["next"], "nor what is behind a retry")
    }

    @Test func aRepeatCountsFromTheOneBefore() throws {
        var scene = ChaosScene(mode: .atLeastOnce)
        for id in 0...1_200 { try scene.request("\(id)") }
        for id in 0...600 { try scene.result(of: "\(id)") }
        try scene.result(of: "0")
        for id in 601...1_200 { try scene.result(of: "\(id)") }
        try scene.result(of: "0")
        #expect(scene.verdict.faults == [])
    }

    @Test func aRepeatWhereNothingBrokeDownIsWrongAlsoAtLeastOnce() throws {
        var scene = ChaosScene(scenario: .deadLetters, mode: .atLeastOnce)
        try scene.request("poison", isPoison: true)
        try scene.dead("poison")
        try scene.request("1")
        try scene.result(of: "1")
        #expect(scene.verdict.faults == [])
        try scene.result(of: "1")
        scene.expectFault("1 results are repeated although no process broke down")
        var (broken, hasty) = (scene, scene)
        broken.hasRestarts = true
        #expect(broken.verdict.faults == [])
        hasty.hastilyGivenUp = ["elsewhere[0]"]
        hasty.expectFault("1 results are repeated")
        hasty.hastilyGivenUp = Set(scene.ledger.entries.keys.map(\.description))
        #expect(hasty.verdict.faults == [])
    }

    /// As many may be there twice as bots said that they wrote again.
    @Test func whatTheBrokerHasNotAnsweredForMayBeRepeatedAndBeLate() throws {
        var scene = ChaosScene(scenario: .deadLetters, mode: .atLeastOnce)
        try scene.request("poison", isPoison: true)
        try scene.dead("poison")
        for id in ["1", "2"] { try scene.request(id) }
        try scene.result(of: "2")
        try scene.result(of: "1", isReordered: true)
        try scene.result(of: "1", isReordered: true)
        scene.expectFault("1 results are repeated although no process broke down")
        scene.expectFault("1 results say that they may be late")
        scene.writtenAgain = 1
        #expect(scene.verdict.faults == [])
        // They count once, whatever is there twice.
        try scene.dead("poison")
        scene.expectFault("1 requests have more dead letters")
        scene.writtenAgain = 2
        #expect(scene.verdict.faults == [])
    }

    @Test func resultsOutOfTheOrderOfTheirKeyAreFoundUnlessTheyWereRetriedAndSaySo() throws {
        func scene(
            retried: Bool, saysSo: Bool, _ scenario: Scenario = .kill, _ mode: DeliveryMode = .exactlyOnce
        ) throws -> ChaosScene {
            var scene = ChaosScene(scenario: scenario, mode: mode)
            for id in ["1", "2"] { try scene.request(id) }
            if retried { try scene.retry("1", CommittedOffset(offset: 1)) }
            try scene.result(of: "2")
            try scene.result(of: "1", isReordered: saysSo)
            return scene
        }
        try scene(retried: false, saysSo: false).expectFault("out of the order")
        try scene(retried: false, saysSo: true).expectFault("nothing has led to that")
        try scene(retried: true, saysSo: false, .dependency).expectFault("out of the order")
        #expect(try scene(retried: true, saysSo: true, .dependency).verdict.faults == [])
        // Where a broker refuses a part of what was written together, the rest may come before it.
        func fault(_ scenario: Scenario, _ mode: DeliveryMode, beside others: Int = 20) throws -> Bool {
            var scene = try scene(retried: false, saysSo: true, scenario, mode)
            for id in 3..<3 + others {
                try scene.request("\(id)")
                try scene.result(of: "\(id)")
            }
            return scene.verdict.faults.contains { $0.contains("nothing has led to that") }
        }
        #expect(try fault(.brokerKill, .exactlyOnce) && fault(.kill, .atLeastOnce) && !fault(.brokerKill, .atLeastOnce))
        #expect(try fault(.brokerKill, .atLeastOnce, beside: 2), "a mark on all of them says nothing")
    }

    /// A bot that never says so has more of them than crashes explain.
    @Test func atLeastOnceCrashesExplainAPartOfTheLateResultsThatDoNotSaySo() throws {
        func scene(late: Int) throws -> ChaosScene {
            var scene = ChaosScene(mode: .atLeastOnce)
            for number in 0...10 { try scene.request("\(number)") }
            for number in 0..<10 { try scene.retry("\(number)", CommittedOffset(offset: 10)) }
            try scene.result(of: "10")
            for number in 0..<10 { try scene.result(of: "\(number)", isReordered: number >= late) }
            return scene
        }
        #expect(try scene(late: 2).verdict.faults.filter { $0.contains("came late") } == [])
        #expect(try scene(late: 3).verdict.faults.filter { $0.contains("of 10 results that were retried came late") }.count == 1)
    }

    /// Only a crash between a retry and its commit leaves an owner who knows of no retry, or too little time to settle.
    @Test func atLeastOnceALateResultThatWasRetriedSaysSoUnlessACrashExplainsIt() throws {
        var scene = ChaosScene(scenario: .dependency, mode: .atLeastOnce)
        for id in 1...6 { try scene.request("\(id)") }
        for id in [1, 3, 4, 5, 6] { try scene.retry("\(id)", CommittedOffset(offset: 5)) }
        for id in [2, 1, 3, 4, 5, 6] { try scene.result(of: "\(id)") }
        scene.expectFault("1 results are out of the order of their key: 1")
        var broken = scene
        broken.hasRestarts = true
        #expect(broken.verdict.faults == [])
        scene.hastilyGivenUp = [scene.input.description]
        #expect(scene.verdict.faults == [])
    }

    @Test func aResultBesideADeadLetterAndADeadLetterWithoutPoisonAreFound() throws {
        var scene = ChaosScene()
        try scene.request("1")
        try scene.dead("1")
        scene.expectFault("the other of result and dead letter")
        try scene.result(of: "1")
        scene.expectFault("a result and a dead letter")
    }

    @Test func aDeadLetterThatIsNotWhatItsRequestWasIsFound() throws {
        func scene(_ die: (inout ChaosScene) throws -> Void) throws -> ChaosScene {
            var scene = ChaosScene()
            for id in ["1", "2"] { try scene.request(id, isPoison: true) }
            try scene.dead("1")
            try die(&scene)
            return scene
        }
        #expect(try scene { try $0.dead("2") }.verdict.faults == [])
        let words = "1 dead letters have another value or origin than their request: 2"
        try scene { try $0.dead("2", value: [0x7b, 0x7d]) }.expectFault(words)
        try scene { try $0.dead("2", offset: 0) }.expectFault(words)
        try scene { try $0.dead("2", offset: 9) }.expectFault(words)
        try scene { try $0.dead("2", partition: 1) }.expectFault(words)
        let refused = ChaosScene.refusedTopics
        func stands(_ digest: String?) throws -> Bool {
            var scene = ChaosScene()
            scene.ledger = ChaosLedger(of: refused)
            try scene.request("1", isPoison: true)
            let value = try #require(scene.ledger.requests["1"]?.poison)
            let origin = "\(ChaosScene.topics.input)[0]@0"
            let text =
                "{\"mesh_oversized\":true,\"origin\":\"\(origin)\",\"size_bytes\":\(value.count),\"sha256\":\"\(digest ?? SHA256.hexadecimal(value))\"}"
            try scene.dead("1", value: Array(text.utf8))
            return scene.ledger.alteredDead.isEmpty
        }
        #expect(try stands(nil))
        #expect(try !stands("00"))
    }

    @Test func aSecondDeadLetterIsWrongExactlyOnceUnlessTheRequestWasWrittenTwice() throws {
        var scene = ChaosScene()
        try scene.request("1", isPoison: true)
        for _ in 1...2 { try scene.dead("1") }
        scene.expectFault("1 requests have more dead letters")
        scene.mode = .atLeastOnce
        #expect(scene.verdict.faults == [])
        scene.mode = .exactlyOnce
        try scene.request("1", isPoison: true)
        #expect(scene.verdict.faults == [])
    }

    @Test func aSecondRetryForTheSameAttemptIsWrongExactlyOnceUnlessItIsACopyOfOneThatWaits() throws {
        var scene = ChaosScene(scenario: .dependency)
        try scene.request("1")
        try scene.retry("1", attempts: 1, due: 5)
        try scene.retry("1", attempts: 1, due: 5)
        try scene.retry("1", attempts: 2, due: 9)
        // Only a bot whose commits become long carries on what waits.
        scene.expectFault("1 requests have more than one retry for the same attempt")
        let long = CommittedOffset(offset: 0, metadata: String(repeating: " ", count: Limits().carryOnBytes))
        scene.log.append(long, of: scene.input)
        scene.expectFault("1 requests have more than one retry for the same attempt")
        scene.log.append(long, of: scene.retries)
        #expect(scene.verdict.faults == [])
        try scene.retry("1", attempts: 2, due: 10)
        scene.expectFault("1 requests have more than one retry for the same attempt")
        scene.mode = .atLeastOnce
        scene.expectFault("1 requests have more than one retry for the same attempt")
        scene.hasRestarts = true
        #expect(scene.verdict.faults == [])
    }

    /// What is tried again needlessly is answered all the same, so that nothing else tells of it.
    @Test(arguments: [DeliveryMode.exactlyOnce, .atLeastOnce])
    func whatIsTriedAgainAlthoughItDoesNotFailIsFound(mode: DeliveryMode) throws {
        func scene(_ scenario: Scenario, attempt: Int?, throughTopic: Bool) throws -> ChaosScene {
            var scene = ChaosScene(scenario: scenario, mode: mode)
            try scene.request("1")
            if throughTopic { try scene.retry("1", CommittedOffset(offset: 1)) }
            try scene.result(of: "1", isReordered: throughTopic, attempt: attempt)
            return scene
        }
        #expect(try scene(.kill, attempt: nil, throughTopic: false).verdict.faults == [])
        try scene(.kill, attempt: nil, throughTopic: true).expectFault(
            "1 requests went through the retry topic, and nothing of them fails: 1")
        try scene(.kill, attempt: 2, throughTopic: false).expectFault(
            "1 results were given at another attempt than they should be: 1: attempt 2 instead of 1")
        // A call may have met the dependency while it was down, but not all of them.
        var down = try scene(.dependency, attempt: 2, throughTopic: true)
        #expect(down.verdict.faults == [])
        for id in 2...1 + down.plan.unplannedRetries {
            try down.request("\(id)")
            try down.retry("\(id)", CommittedOffset(offset: 1_000))
            try down.result(of: "\(id)", isReordered: true, attempt: 2)
        }
        down.expectFault("31 requests went through the retry topic, and nothing of them fails (at most 30)")
        down.expectFault("31 results were given at another attempt than they should be (at most 30)")
    }

    @Test func aSecondDeadLetterOrRetryWhereNothingBrokeDownIsWrongAlsoAtLeastOnce() throws {
        var scene = ChaosScene(scenario: .deadLetters, mode: .atLeastOnce)
        try scene.request("1", isPoison: true)
        try scene.dead("1")
        #expect(scene.verdict.faults == [])
        var retried = scene
        for _ in 1...2 { try retried.retry("1", CommittedOffset(offset: 2)) }
        retried.expectFault("1 requests have more than one retry for the same attempt")
        try scene.dead("1")
        scene.expectFault("1 requests have more dead letters")
        var hasty = scene
        hasty.hastilyGivenUp = Set(scene.ledger.entries.keys.map(\.description))
        #expect(hasty.verdict.faults == [])
    }

    /// Both topics have as many partitions, and a key's is the same in both.
    @Test func aResultInAnotherPartitionThanItsRequestIsFound() throws {
        var scene = ChaosScene()
        try scene.request("1")
        try scene.result(of: "1", partition: 1)
        scene.expectFault("1 results have another key than their request, or lie in another partition: 1")
        // That it may be late says nothing of where it lies.
        var late = ChaosScene(scenario: .dependency, mode: .atLeastOnce)
        try late.request("1")
        try late.retry("1", CommittedOffset(offset: 1))
        try late.result(of: "1", key: "b", isReordered: true)
        late.expectFault("1 results have another key than their request, or lie in another partition: 1")
    }

    @Test func aResultThatSaysOtherThanItsRequestIsFound() throws {
        var scene = ChaosScene()
        try scene.request("1")
        try scene.result(of: "1", says: "2")
        scene.expectFault("1 results say other than their request: 1")
    }

    /// Ids of an author's own would be answered twice by whoever reads a repeat of the work.
    @Test(arguments: [DeliveryMode.exactlyOnce, .atLeastOnce]) func aResultWhoseIDIsNotDerivedIsFound(mode: DeliveryMode) throws {
        var scene = ChaosScene(mode: mode)
        try scene.request("1")
        try scene.result(of: "1", id: "4c52e21c-7b8c-5841-977d-811fef0fb4b1")
        scene.expectFault("1 results have another id than the one that is derived of their request's: 1")
    }

    @Test func aResultWithoutTheHeaderOfItsIDIsFound() throws {
        var scene = ChaosScene()
        try scene.request("1")
        let value = Array("{\"id\":\"r\",\"causation_id\":\"1\",\"payload\":{\"repository\":\"1\",\"sequence\":1}}".utf8)
        try scene.ledger.take(result: Record(topicPartition: scene.output, offset: 0, key: [0x61], value: value))
        scene.expectFault("1 results say other than their request")
    }

    @Test func aResultOfNothingIsFound() throws {
        var scene = ChaosScene()
        try scene.request("1")
        try scene.result(of: "1")
        try scene.result(of: "9")
        scene.expectFault("no request led to")
    }
}
