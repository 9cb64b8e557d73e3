import Kafka
import Testing

@testable import meshload

/// What a state has counted twice or not at all is found.
@Suite struct CheckerStateTests {
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
        try scene(1, 1, 3).expectFault("1 results have another total than their turn: 3: 3 for 2")
        try scene(1, 1, 1).expectFault("1 results have another total than their turn: 3: 1 for 2")
        try scene(1, nil, 2).expectFault("1 results say nothing of the total")
        var twice = try scene(1, 1, 2)
        try twice.forward("1")
        #expect(twice.verdict.faults == [])
        try twice.forward("1")
        twice.expectFault("1 requests were handed on more often")
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
}
