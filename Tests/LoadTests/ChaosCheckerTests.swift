import BotKit
import Envelopes
import Kafka
import MeshRuntime
import Testing

@testable import meshload

/// The checker of chaos runs finds each thing that must not be, and nothing where all is right.
@Suite struct ChaosCheckerTests {
    private func expectFault(_ words: String, _ scene: ChaosScene) {
        #expect(scene.verdict.faults.contains { $0.contains(words) }, "\(scene.verdict.faults)")
    }

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
        var scene = ChaosScene()
        try scene.request("1")
        expectFault("neither a result", scene)
        try scene.retry("1")
        #expect(scene.verdict.faults == [])
        var finished = ChaosScene()
        try finished.request("1")
        try finished.retry("1", CommittedOffset(offset: 1))
        expectFault("neither a result", finished)
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
        expectFault("not in the topic of requests", scene)
    }

    @Test func aSecondResultIsWrongExactlyOnceAndWithAnotherIDAlways() throws {
        var scene = ChaosScene()
        try scene.request("1")
        try scene.result(of: "1")
        try scene.result(of: "1")
        expectFault("repeated results are visible", scene)
        scene.plan = ChaosPlanner.plan(.kill, .atLeastOnce, seed: 1, seconds: 2, rate: 1)
        #expect(scene.verdict.faults == [])
        try scene.result(of: "1", id: "other")
        expectFault("id of their own", scene)
    }

    @Test func aRepeatThatABotDownstreamDoesNotRememberIsWrong() throws {
        func scene(_ others: Int, retried: Bool = false) throws -> ChaosScene {
            var scene = ChaosScene(mode: .atLeastOnce)
            for id in 0...others { try scene.request("\(id)") }
            if retried { try scene.retry("0", CommittedOffset(offset: 1)) }
            for id in 0...others { try scene.result(of: "\(id)") }
            try scene.result(of: "0")
            return scene
        }
        #expect(try scene(999).verdict.faults == [])
        expectFault("1 repeated results lie 1000 others or more behind the first", try scene(1_000))
        #expect(try scene(1_000, retried: true).verdict.faults == [], "a retry partition waits for its owner by itself")
    }

    @Test func whatTheBotDownstreamAnswersTwiceOrNeverIsFound() throws {
        var scene = ChaosScene(mode: .atLeastOnce)
        for id in ["1", "2"] { try scene.request(id) }
        for id in ["1", "2", "2"] { try scene.result(of: id) }
        try scene.answer(to: "1")
        let first = scene
        expectFault("1 results have no answer of the bot downstream", scene)
        try scene.answer(to: "2")
        #expect(scene.verdict.faults == [])
        try scene.answer(to: "2")
        expectFault("1 results were answered more than once", scene)
        try scene.answer(to: "9")
        expectFault("1 answers of the bot downstream that no result led to", scene)
        scene = first
        try scene.answer(to: "2", id: "4c52e21c-7b8c-5841-977d-811fef0fb4b1")
        expectFault("1 answers of the bot downstream have another id", scene)
        scene = first
        try scene.answer(to: "2", says: "other")
        expectFault("1 answers of the bot downstream say other than their result", scene)
    }

    @Test func theBotDownstreamKeepsTheOrderOfAKey() throws {
        var scene = ChaosScene(mode: .atLeastOnce)
        for id in ["1", "2"] { try scene.request(id) }
        for id in ["1", "2"] { try scene.result(of: id) }
        for id in ["2", "1"] { try scene.answer(to: id) }
        expectFault("1 answers of the bot downstream are out of the order of their key", scene)
    }

    @Test func commitsOfTheBotDownstreamAreJudgedToo() throws {
        var scene = ChaosScene(mode: .atLeastOnce)
        try scene.request("1")
        try scene.result(of: "1")
        func sample(_ time: Double, _ offset: Int64, _ scene: inout ChaosScene) {
            scene.nextSamples.append(
                OffsetWatch.Sample(
                    time: time, milliseconds: Int64(time * 1_000), committed: [scene.output: CommittedOffset(offset: offset)],
                    ends: scene.ends))
        }
        for time in 1...12 { sample(Double(time), 0, &scene) }
        let standing = scene
        try scene.answer(to: "1")
        sample(13, 1, &scene)
        expectFault("\(scene.output) had lag and stood still for 13", scene)
        sample(14, 0, &scene)
        expectFault("1 commits of the bot downstream went back: \(scene.output) went back from 1 to 0", scene)
        scene = standing
        sample(13, 1, &scene)
        try scene.answer(to: "1")
        expectFault("1 results were passed by a commit of the bot downstream", scene)
        scene = standing
        try scene.answer(to: "1")
        for (offset, time) in [(1, 13), (1, 14)] as [(Int64, Double)] { sample(time, offset, &scene) }
        scene.nextLog.append(CommittedOffset(offset: 0), of: scene.output)
        expectFault("1 commits of the bot downstream are not in their log", scene)
    }

    @Test func aRepeatWhereNothingBrokeDownIsWrongAlsoAtLeastOnce() throws {
        var scene = ChaosScene(scenario: .deadLetters, mode: .atLeastOnce)
        try scene.request("poison", isPoison: true)
        try scene.dead("poison")
        try scene.request("1")
        try scene.result(of: "1")
        #expect(scene.verdict.faults == [])
        try scene.result(of: "1")
        expectFault("1 results are repeated although no process broke down", scene)
        scene.hasRestarts = true
        #expect(scene.verdict.faults == [])
    }

    @Test func resultsOutOfTheOrderOfTheirKeyAreFoundUnlessTheyWereRetriedAndSaySo() throws {
        func scene(retried: Bool, saysSo: Bool) throws -> ChaosScene {
            var scene = ChaosScene()
            for id in ["1", "2"] { try scene.request(id) }
            if retried { try scene.retry("1", CommittedOffset(offset: 1)) }
            try scene.result(of: "2")
            try scene.result(of: "1", isReordered: saysSo)
            return scene
        }
        expectFault("out of the order", try scene(retried: false, saysSo: false))
        expectFault("out of the order", try scene(retried: false, saysSo: true))
        expectFault("out of the order", try scene(retried: true, saysSo: false))
        #expect(try scene(retried: true, saysSo: true).verdict.faults == [])
    }

    @Test func aResultBesideADeadLetterAndADeadLetterWithoutPoisonAreFound() throws {
        var scene = ChaosScene()
        try scene.request("1")
        try scene.dead("1")
        expectFault("the other of result and dead letter", scene)
        try scene.result(of: "1")
        expectFault("a result and a dead letter", scene)
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
        expectFault(words, try scene { try $0.dead("2", value: [0x7b, 0x7d]) })
        expectFault(words, try scene { try $0.dead("2", offset: 0) })
        expectFault(words, try scene { try $0.dead("2", offset: 9) })
        expectFault(words, try scene { try $0.dead("2", partition: 1) })
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
        expectFault("1 requests have more dead letters", scene)
        scene.mode = .atLeastOnce
        #expect(scene.verdict.faults == [])
        scene.mode = .exactlyOnce
        try scene.request("1", isPoison: true)
        #expect(scene.verdict.faults == [])
    }

    @Test func aSecondRetryForTheSameAttemptIsWrongExactlyOnceUnlessItIsACopyOfOneThatWaits() throws {
        var scene = ChaosScene()
        try scene.request("1")
        try scene.retry("1", attempts: 1, due: 5)
        try scene.retry("1", attempts: 1, due: 5)
        try scene.retry("1", attempts: 2, due: 9)
        // Only a bot whose commits become long carries on what waits.
        expectFault("1 requests have more than one retry for the same attempt", scene)
        let long = CommittedOffset(offset: 0, metadata: String(repeating: " ", count: Limits().carryOnBytes))
        scene.log.append(long, of: scene.input)
        expectFault("1 requests have more than one retry for the same attempt", scene)
        scene.log.append(long, of: scene.retries)
        #expect(scene.verdict.faults == [])
        try scene.retry("1", attempts: 2, due: 10)
        expectFault("1 requests have more than one retry for the same attempt", scene)
        scene.mode = .atLeastOnce
        #expect(scene.verdict.faults == [])
    }

    @Test func aResultThatSaysOtherThanItsRequestIsFound() throws {
        var scene = ChaosScene()
        try scene.request("1")
        try scene.result(of: "1", says: "2")
        expectFault("1 results say other than their request: 1", scene)
    }

    /// Ids of an author's own would be answered twice by whoever reads a repeat of the work.
    @Test(arguments: [DeliveryMode.exactlyOnce, .atLeastOnce]) func aResultWhoseIDIsNotDerivedIsFound(mode: DeliveryMode) throws {
        var scene = ChaosScene(mode: mode)
        try scene.request("1")
        try scene.result(of: "1", id: "4c52e21c-7b8c-5841-977d-811fef0fb4b1")
        expectFault("1 results have another id than the one that is derived of their request's: 1", scene)
    }

    @Test func aResultWithoutTheHeaderOfItsIDIsFound() throws {
        var scene = ChaosScene()
        try scene.request("1")
        let value = Array("{\"id\":\"r\",\"causation_id\":\"1\",\"payload\":{\"repository\":\"1\",\"sequence\":1}}".utf8)
        try scene.ledger.take(result: Record(topicPartition: scene.output, offset: 0, key: [0x61], value: value))
        expectFault("1 results say other than their request", scene)
    }

    @Test(arguments: [DeliveryMode.exactlyOnce, .atLeastOnce]) func verifyFindsAResultThatSaysOtherThanItsRequest(mode: DeliveryMode) {
        func isRight(_ sequence: Int64, _ repository: String) -> Bool {
            var comparison = Comparison(mode: mode)
            comparison.request(id: "1", key: nil, content: PassedContent(repository: "a", sequence: 1))
            comparison.result(id: "r", cause: "1", key: nil, content: PassedContent(repository: repository, sequence: sequence))
            return comparison.isRight
        }
        #expect(isRight(1, "a"))
        #expect(!isRight(2, "a"))
        #expect(!isRight(1, "b"))
    }

    @Test func aRunWithHardlyAnyLoadIsNone() throws {
        var scene = ChaosScene()
        scene.plan.load.requestsPerSecond = 2
        try scene.request("1")
        try scene.result(of: "1")
        expectFault("only 1 of 4 requests", scene)
        try scene.request("2")
        try scene.result(of: "2")
        #expect(scene.verdict.faults == [])
        scene.plan.load.poisonPerMille = 10
        expectFault("no request was poison", scene)
        scene.plan.load.repeatPerMille = 10
        expectFault("no request was repeated", scene)
    }

    @Test func aBotThatTookTooMuchMemoryIsFound() throws {
        var scene = ChaosScene()
        try scene.request("1")
        try scene.result(of: "1")
        scene.peaks = [1: ChaosVerdict.mostMegabytes, 2: ChaosVerdict.mostMegabytes + 1]
        expectFault("bot 2 had \(ChaosVerdict.mostMegabytes + 1) MB of memory", scene)
        #expect(scene.verdict.faults.count == 1)
    }

    @Test func aTotalThatCountsARequestTwiceOrNotAtAllIsFound() throws {
        func scene(_ totals: Int?...) throws -> ChaosScene {
            var scene = ChaosScene(scenario: .state)
            for (number, key) in zip(1...totals.count, ["a", "b", "a"]) { try scene.request("\(number)", key: key) }
            for (number, (key, total)) in zip(1...totals.count, zip(["a", "b", "a"], totals)) {
                try scene.result(of: "\(number)", key: key, total: total)
            }
            return scene
        }
        #expect(try scene(1, 1, 2).verdict.faults == [])
        expectFault("1 results have another total than their turn: 3: 3 for 2", try scene(1, 1, 3))
        expectFault("1 results have another total than their turn: 3: 1 for 2", try scene(1, 1, 1))
        expectFault("1 results say nothing of the total", try scene(1, nil, 2))
        var twice = try scene(1, 1, 2)
        try twice.forward("1")
        #expect(twice.verdict.faults == [])
        try twice.forward("1")
        expectFault("1 requests were handed on more often", twice)
    }

    /// Of a bot with a state the request is done when it is in the inbox, and what is there when its result is.
    @Test func aRecordOfAnInboxIsTheOutcomeOfItsRequestAndHasOneOfItsOwn() throws {
        var scene = ChaosScene(scenario: .state)
        try scene.request("1")
        try scene.forward("1")
        scene.sample(at: 1, committed: 1)
        let inbox = TopicPartition(try #require(ChaosScene.stateTopics.inbox), 0)
        func overtaken(_ commits: [Int64]) -> [String] {
            var log = CommitLog()
            for offset in commits { log.append(CommittedOffset(offset: offset), of: inbox) }
            return OffsetCheck(scene.samples, log, ChaosScene.stateTopics, scene.ledger).overtaken
        }
        #expect(overtaken([0]) == [])
        #expect(overtaken([0, 1]).count == 1)
        try scene.result(of: "1", total: 1)
        #expect(overtaken([0, 1]) == [])
    }

    /// What a run is for that tries again, by the topic or in place.
    @Test func aRunThatTriesNothingAgainIsNone() throws {
        func scene(_ retry: RetryPolicy.Mode, attempt: Int?, throughTopic: Bool) throws -> ChaosScene {
            var scene = ChaosScene()
            scene.plan.load.transientPerMille = 40
            scene.plan.retry = retry
            try scene.request("1")
            if throughTopic { try scene.retry("1", CommittedOffset(offset: 1)) }
            try scene.result(of: "1", isReordered: throughTopic, attempt: attempt)
            return scene
        }
        expectFault("no request was tried again", try scene(.inPlace, attempt: nil, throughTopic: false))
        #expect(try scene(.inPlace, attempt: 2, throughTopic: false).verdict.faults == [])
        expectFault("tried again in place", try scene(.inPlace, attempt: 2, throughTopic: true))
        expectFault("no request went through the retry topic", try scene(.topic, attempt: 2, throughTopic: false))
        #expect(try scene(.topic, attempt: 2, throughTopic: true).verdict.faults == [])
    }

    @Test func clocksThatNoRecordShowsWereNotStepped() {
        let plan = ChaosPlanner.plan(.clock, .exactlyOnce, seed: 1, seconds: 4)
        #expect(Effects.missing(plan, shifted: [1, -1]) == [])
        #expect(Effects.missing(plan, shifted: [1]).count == 1)
        #expect(Effects.missing(plan, shifted: []).count == 2)
    }

    @Test func aResultOfNothingIsFound() throws {
        var scene = ChaosScene()
        try scene.request("1")
        try scene.result(of: "1")
        try scene.result(of: "9")
        expectFault("no request led to", scene)
    }

    @Test func aCommitThatGoesBackIsFound() throws {
        var scene = ChaosScene()
        try scene.request("1")
        try scene.result(of: "1")
        scene.sample(at: 1, committed: 1)
        scene.sample(at: 2, committed: 0)
        expectFault("went back from 1 to 0", scene)
    }

    @Test func aCommitThatGoesBackBetweenTwoSamplesIsFoundInTheLog() throws {
        var scene = ChaosScene()
        for id in ["1", "2"] { try scene.request(id) }
        for id in ["1", "2"] { try scene.result(of: id) }
        scene.sample(at: 1, committed: 1)
        scene.sample(at: 2, committed: 2)
        for offset in [1, 1, 2] as [Int64] { scene.commit(offset) }
        #expect(scene.verdict.faults == [])
        scene.log = CommitLog()
        for offset in [1, 0, 2] as [Int64] { scene.commit(offset) }
        expectFault("1 commits went back: \(scene.input) went back from 1 to 0", scene)
    }

    @Test func aCommitThatIsGoneIsFoundInTheLogAndInTheSamples() throws {
        var scene = ChaosScene()
        try scene.request("1")
        try scene.result(of: "1")
        scene.sample(at: 1, committed: 1)
        for offset in [1, nil, 1] as [Int64?] { scene.commit(offset) }
        expectFault("\(scene.input) lost its commit of 1", scene)
        scene.log = CommitLog()
        #expect(scene.verdict.faults == [])
        scene.sample(at: 2, [:])
        expectFault("\(scene.input) lost its commit of 1", scene)
    }

    @Test func aLogThatLacksWhatTheGroupHasCommittedIsFound() throws {
        var scene = ChaosScene()
        try scene.request("1")
        try scene.result(of: "1")
        scene.sample(at: 1, committed: 1)
        scene.commit(0)
        expectFault("1 commits are not in their log: \(scene.input) at 1", scene)
        scene.commit(1)
        #expect(scene.verdict.faults == [])
    }

    @Test func aCommitOfTheLogThatPassesAnUnfinishedRequestIsFoundAlthoughNoSampleHasIt() throws {
        var scene = ChaosScene()
        for id in ["1", "2"] { try scene.request(id, key: id) }
        scene.sample(at: 1, committed: 0)
        scene.commit(0)
        scene.commit(0, metadata: "m1:1")
        scene.commit(1)
        try scene.result(of: "1", key: "1")
        scene.sample(at: 2, committed: 1)
        try scene.result(of: "2", key: "2")
        scene.sample(at: 3, committed: 2)
        scene.commit(2)
        expectFault("1 requests or retries were passed by a commit: the commit of \(scene.input) passed 1", scene)
    }

    @Test func aCommitThatPassesARetryBeforeItHasAnOutcomeIsFound() throws {
        func faults(_ end: (inout ChaosScene) throws -> Void) throws -> [String] {
            var scene = ChaosScene()
            try scene.request("1")
            try scene.retry("1", CommittedOffset(offset: 2))
            try end(&scene)
            scene.sample(at: 1, [scene.retries: CommittedOffset(offset: 1)])
            try scene.retry("1", CommittedOffset(offset: 2), attempts: 3)
            try scene.result(of: "1", isReordered: true)
            scene.sample(at: 2, [scene.input: CommittedOffset(offset: 1), scene.retries: CommittedOffset(offset: 2)])
            return scene.verdict.faults
        }
        #expect(try faults { _ in }.contains { $0.contains("the commit of \(ChaosScene().retries) passed 0 (1)") })
        #expect(try faults { try $0.retry("1", CommittedOffset(offset: 3), attempts: 2) } == [])
        #expect(try faults { try $0.result(of: "1", isReordered: true) }.filter { $0.contains("passed") } == [])
        #expect(try faults { try $0.dead("1") }.filter { $0.contains("passed") } == [])
    }

    @Test func aCommitIsReadAsKafkaWritesIt() throws {
        let key: [UInt8] = [0, 1, 0, 1, 0x67, 0, 2, 0x74, 0x6f, 0, 0, 0, 3]
        let value: [UInt8] =
            [0, 3, 0, 0, 0, 0, 0, 0, 1, 0, 0xff, 0xff, 0xff, 0xff, 0, 4, 0x6d, 0x31, 0x3a, 0x31] + [UInt8](repeating: 0, count: 8)
        let commit = try #require(try CommitRecord(key: key, value: value))
        #expect((commit.group, commit.topic, commit.partition) == ("g", "to", 3))
        #expect(commit.value == CommitRecord.Value(offset: 256, metadata: "m1:1"))
        #expect(try #require(try CommitRecord(key: key, value: nil)).value == nil)
        // Of a group's members, and of a kind that is not known.
        #expect(try CommitRecord(key: [0, 2, 0, 1, 0x67], value: value) == nil)
        // "hello".hashCode() is 99162322 in Java, and that of this other text the lowest number, which has no positive one.
        #expect(CommitRecord.partition(of: "hello", among: 50) == 22)
        #expect(CommitRecord.partition(of: "polygenelubricants", among: 50) == 0)
    }

    @Test func aCommitThatPassesAnUnfinishedRequestIsFound() throws {
        var scene = ChaosScene()
        for id in ["1", "2"] { try scene.request(id, key: id) }
        try scene.result(of: "2", key: "2")
        scene.sample(at: 1, committed: 0, metadata: "m1:1")
        #expect(!scene.verdict.faults.contains { $0.contains("passed by a commit") })
        scene.sample(at: 2, committed: 2)
        try scene.result(of: "1", key: "1")
        scene.sample(at: 3, committed: 2)
        expectFault("1 requests or retries were passed by a commit", scene)
    }

    @Test func aRangeThatNamesAnUnfinishedRequestIsFound() throws {
        var scene = ChaosScene()
        for id in ["1", "2"] { try scene.request(id, key: id) }
        scene.sample(at: 1, committed: 0, metadata: "m1:1")
        for id in ["1", "2"] { try scene.result(of: id, key: id) }
        expectFault("passed by a commit", scene)
    }

    @Test func aPartitionThatStandsStillIsNamed() throws {
        var scene = ChaosScene()
        try scene.request("1")
        for time in 1...12 { scene.sample(at: Double(time), committed: 0) }
        try scene.result(of: "1")
        scene.sample(at: 13, committed: 1)
        expectFault("\(scene.input) had lag and stood still for 13", scene)
    }

    @Test func aPartitionThatStandsStillBetweenTwoFaultsIsNamed() throws {
        var scene = ChaosScene()
        try scene.request("1")
        for time in 1...40 { scene.sample(at: Double(time), committed: 0) }
        try scene.result(of: "1")
        scene.sample(at: 41, committed: 1)
        scene.calm = [5..<14, 20..<29, 41..<Double.infinity]
        #expect(scene.verdict.faults == [])
        scene.calm = [5..<17, 41..<Double.infinity]
        expectFault("\(scene.input) had lag and stood still for 11", scene)
    }

    @Test func aRetryPartitionStandsStillOnlyWhereTheTimeOfARetryHasCome() throws {
        var scene = ChaosScene()
        try scene.request("1")
        try scene.retry("1", CommittedOffset(offset: 1), due: 20_000)
        func stand(until end: Int) {
            for time in scene.samples.count + 1...end {
                scene.sample(at: Double(time), [scene.input: CommittedOffset(offset: 1), scene.retries: CommittedOffset(offset: 0)])
            }
        }
        stand(until: 29)
        try scene.result(of: "1", isReordered: true)
        #expect(scene.verdict.faults == [])
        stand(until: 31)
        expectFault("\(scene.retries) had lag and stood still for 12", scene)
    }

    @Test func nothingIsAmissBetweenTheHealingOfAFaultAndTheNextOne() {
        var calm = CalmSpans(from: 1)
        calm.note(.killBroker, from: 2, to: 2.5)
        #expect(calm.all == [1..<2])
        calm.note(.kill(slot: 1), from: 3, to: 3)
        calm.note(.startBroker, from: 4, to: 5)
        // The group counts on the bot for 6 s more.
        #expect(calm.all == [1..<2, 9..<Double.infinity])
        calm.note(.start(slot: 1), from: 6, to: 6)
        calm.note(.freeze(slot: 2), from: 12, to: 12)
        calm.note(.links(slot: nil, .cut), from: 13, to: 13)
        calm.note(.thaw(slot: 2), from: 14, to: 14)
        #expect(calm.all == [1..<2, 9..<12])
        calm.note(.links(slot: nil, .fine), from: 15, to: 15)
        #expect(calm.all == [1..<2, 9..<12, 15..<Double.infinity])
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

    /// A bot tells of it when it has failed for 5 s, and tries again every 2 s.
    @Test(arguments: [4, 20, 60]) func deadLettersAreRefusedForLongEnoughToBeTold(seconds: Int) {
        for seed in UInt64(1)...50 {
            var since: Int?
            for step in ChaosPlanner.plan(.deadLetters, .exactlyOnce, seed: seed, seconds: seconds).steps {
                if step.fault == .refuseDeadLetters { since = step.milliseconds }
                if step.fault == .acceptDeadLetters { #expect(step.milliseconds - (since ?? step.milliseconds) >= 8_000) }
            }
            #expect(since != nil)
        }
    }
}
