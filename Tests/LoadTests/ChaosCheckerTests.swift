import BotKit
import Envelopes
import Kafka
import MeshRuntime
import Testing

@testable import meshload

/// The checker of chaos runs finds each thing that must not be, and nothing where all is right.
@Suite struct ChaosCheckerTests {
    private static let topics = ChaosTopics(scenario: .kill, run: "x", deadLetterPartitions: 1)

    /// The topics of a run, and what was seen of its offsets.
    private struct Scene {
        /// A load of one request.
        var plan = ChaosPlanner.plan(.kill, .exactlyOnce, seed: 1, seconds: 2, rate: 1)
        var ledger = ChaosLedger()
        var sent: [LoadStream.Sent] = []
        var samples: [OffsetWatch.Sample] = []
        var ends: [TopicPartition: Int64] = [:]
        let input = TopicPartition(topics.input, 0)
        let output = TopicPartition(topics.output, 0)

        private mutating func record(_ topic: String, _ envelope: Envelope, key: String, headers: Headers = []) -> Record {
            let partition = TopicPartition(topic, 0)
            let offset = ends[partition, default: 0]
            ends[partition] = offset + 1
            let encoded = EnvelopeCodec().encode(envelope)
            return Record(
                topicPartition: partition, offset: offset, key: Array(key.utf8), value: encoded.value,
                headers: Headers(encoded.headers.map { Header($0.name, $0.value) }) + headers,
                timestamp: RecordTimestamp(kind: .created, milliseconds: 1), leaderEpoch: nil)
        }

        private func envelope(_ id: String, type: String, cause: String? = nil, payload: String = "{}") throws -> Envelope {
            Envelope(
                id: try #require(EventID(id)), timestamp: Timestamp(milliseconds: 1), source: "test", type: EventType(type),
                payload: Array(payload.utf8), causationID: cause)
        }

        mutating func request(_ id: String, key: String = "a", isPoison: Bool = false) throws {
            var request = LoadStream.Sent(id: id, isPoison: isPoison)
            request.isAcknowledged = true
            sent.append(request)
            try ledger.take(request: record(topics.input, try envelope(id, type: topics.input), key: key))
        }

        mutating func result(
            of cause: String, id: String? = nil, key: String = "a", isReordered: Bool = false, payload: String = "{}"
        ) throws {
            try ledger.take(
                result: record(
                    topics.output, try envelope(id ?? "r-\(cause)", type: topics.output, cause: cause, payload: payload), key: key,
                    headers: isReordered ? [Header("mesh_reordered", text: "1")] : []))
        }

        mutating func dead(_ id: String) throws {
            ledger.take(
                dead: record(ChaosTopics.deadLetters, try envelope(id, type: topics.input), key: "a", headers: [Header("ce_id", text: id)]))
        }

        mutating func retry(_ id: String, _ committed: CommittedOffset? = nil) throws {
            ledger.take(
                retry: record(topics.retry, try envelope(id, type: topics.input), key: "a", headers: [Header("ce_id", text: id)]), committed
            )
        }

        mutating func sample(at time: Double, committed offset: Int64, metadata: String = "") {
            samples.append(
                OffsetWatch.Sample(time: time, committed: [input: CommittedOffset(offset: offset, metadata: metadata)], ends: ends))
        }

        var verdict: ChaosVerdict {
            ChaosVerdict(
                ChaosVerdict.Evidence(
                    plan: plan, topics: topics, sent: sent, ledger: ledger,
                    samples: samples,
                    healed: 0, stallLimit: 10, troubles: []))
        }
    }

    private func expectFault(_ words: String, _ scene: Scene) {
        #expect(scene.verdict.faults.contains { $0.contains(words) }, "\(scene.verdict.faults)")
    }

    @Test func aRunWithoutFlawPasses() throws {
        var scene = Scene()
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
        var scene = Scene()
        try scene.request("1")
        expectFault("neither a result", scene)
        try scene.retry("1")
        #expect(scene.verdict.faults == [])
        var finished = Scene()
        try finished.request("1")
        try finished.retry("1", CommittedOffset(offset: 1))
        expectFault("neither a result", finished)
    }

    @Test func whatTheBrokerForgotIsFound() throws {
        var scene = Scene()
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
        var scene = Scene()
        try scene.request("1")
        try scene.result(of: "1")
        try scene.result(of: "1")
        expectFault("repeated results are visible", scene)
        scene.plan = ChaosPlanner.plan(.kill, .atLeastOnce, seed: 1, seconds: 2, rate: 1)
        #expect(scene.verdict.faults == [])
        try scene.result(of: "1", id: "other")
        expectFault("id of their own", scene)
    }

    @Test func resultsOutOfTheOrderOfTheirKeyAreFoundUnlessTheyWereRetriedAndSaySo() throws {
        func scene(retried: Bool, saysSo: Bool) throws -> Scene {
            var scene = Scene()
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
        var scene = Scene()
        try scene.request("1")
        try scene.dead("1")
        expectFault("the other of result and dead letter", scene)
        try scene.result(of: "1")
        expectFault("a result and a dead letter", scene)
    }

    @Test func aRunWithHardlyAnyLoadIsNone() throws {
        var scene = Scene()
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

    /// What a run is for that tries again, by the topic or in place.
    @Test func aRunThatTriesNothingAgainIsNone() throws {
        func scene(_ retry: RetryPolicy.Mode, answered payload: String, throughTopic: Bool) throws -> Scene {
            var scene = Scene()
            scene.plan.load.transientPerMille = 40
            scene.plan.retry = retry
            try scene.request("1")
            if throughTopic { try scene.retry("1", CommittedOffset(offset: 1)) }
            try scene.result(of: "1", isReordered: throughTopic, payload: payload)
            return scene
        }
        let later = #"{"sequence":1,"attempt":2}"#
        expectFault("no request was tried again", try scene(.inPlace, answered: "{}", throughTopic: false))
        #expect(try scene(.inPlace, answered: later, throughTopic: false).verdict.faults == [])
        expectFault("tried again in place", try scene(.inPlace, answered: later, throughTopic: true))
        expectFault("no request went through the retry topic", try scene(.topic, answered: later, throughTopic: false))
        #expect(try scene(.topic, answered: later, throughTopic: true).verdict.faults == [])
    }

    @Test func clocksThatNoRecordShowsWereNotStepped() {
        let plan = ChaosPlanner.plan(.clock, .exactlyOnce, seed: 1, seconds: 4)
        #expect(Effects.missing(plan, shifted: [1, -1]) == [])
        #expect(Effects.missing(plan, shifted: [1]).count == 1)
        #expect(Effects.missing(plan, shifted: []).count == 2)
    }

    @Test func aResultOfNothingIsFound() throws {
        var scene = Scene()
        try scene.request("1")
        try scene.result(of: "1")
        try scene.result(of: "9")
        expectFault("no request led to", scene)
    }

    @Test func aCommitThatGoesBackIsFound() throws {
        var scene = Scene()
        try scene.request("1")
        try scene.result(of: "1")
        scene.sample(at: 1, committed: 1)
        scene.sample(at: 2, committed: 0)
        expectFault("went back from 1 to 0", scene)
    }

    @Test func aCommitThatPassesAnUnfinishedRequestIsFound() throws {
        var scene = Scene()
        for id in ["1", "2"] { try scene.request(id, key: id) }
        try scene.result(of: "2", key: "2")
        scene.sample(at: 1, committed: 0, metadata: "m1:1")
        #expect(!scene.verdict.faults.contains { $0.contains("passed by a commit") })
        scene.sample(at: 2, committed: 2)
        try scene.result(of: "1", key: "1")
        scene.sample(at: 3, committed: 2)
        expectFault("1 requests were passed by a commit", scene)
    }

    @Test func aRangeThatNamesAnUnfinishedRequestIsFound() throws {
        var scene = Scene()
        for id in ["1", "2"] { try scene.request(id, key: id) }
        scene.sample(at: 1, committed: 0, metadata: "m1:1")
        for id in ["1", "2"] { try scene.result(of: id, key: id) }
        expectFault("passed by a commit", scene)
    }

    @Test func aPartitionThatStandsStillIsNamed() throws {
        var scene = Scene()
        try scene.request("1")
        for time in 1...12 { scene.sample(at: Double(time), committed: 0) }
        try scene.result(of: "1")
        scene.sample(at: 13, committed: 1)
        expectFault("\(scene.input) had lag and stood still for 13", scene)
    }
}
