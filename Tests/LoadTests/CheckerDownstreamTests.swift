import Kafka
import Testing

@testable import meshload

/// What a bot that reads the results makes of them is judged too.
@Suite struct CheckerDownstreamTests {
    @Test func whatTheBotDownstreamAnswersTwiceOrNeverIsFound() throws {
        var scene = ChaosScene(mode: .atLeastOnce)
        for id in ["1", "2"] { try scene.request(id) }
        for id in ["1", "2", "2"] { try scene.result(of: id) }
        try scene.answer(to: "1")
        let first = scene
        scene.expectFault("1 results have no answer of the bot downstream")
        try scene.answer(to: "2")
        #expect(scene.verdict.faults == [])
        try scene.answer(to: "2")
        scene.expectFault("1 results were answered more than once")
        try scene.answer(to: "9")
        scene.expectFault("1 answers of the bot downstream that no result led to")
        scene = first
        try scene.answer(to: "2", id: "4c52e21c-7b8c-5841-977d-811fef0fb4b1")
        scene.expectFault("1 answers of the bot downstream have another id")
        scene = first
        try scene.answer(to: "2", says: "other")
        scene.expectFault("1 answers of the bot downstream say other than their result")
    }

    @Test func theBotDownstreamKeepsTheOrderOfAKey() throws {
        var scene = ChaosScene(mode: .atLeastOnce)
        for id in ["1", "2"] { try scene.request(id) }
        for id in ["1", "2"] { try scene.result(of: id) }
        for id in ["2", "1"] { try scene.answer(to: id) }
        scene.expectFault("1 answers of the bot downstream are out of the order of their key")
    }

    @Test func whatTheBotDownstreamTriesAgainIsFound() throws {
        var scene = ChaosScene(mode: .atLeastOnce)
        try scene.request("1")
        try scene.result(of: "1")
        let topic = ChaosScene.topics.downstream.retry
        scene.next.take(
            retry: Record(
                topicPartition: TopicPartition(topic, 0), offset: 0, key: nil, value: nil,
                headers: [Header("ce_id", text: try ChaosScene.resultID("1"))]), CommittedOffset(offset: 1))
        scene.expectFault("1 results went through the retry topic of the bot downstream, and nothing of them fails")
    }

    @Test func whatTheBotDownstreamGivesUpIsFound() throws {
        var scene = ChaosScene(mode: .atLeastOnce)
        try scene.request("1")
        try scene.result(of: "1")
        try scene.answer(to: "1")
        scene.next.take(
            dead: Record(
                topicPartition: TopicPartition(ChaosTopics.deadLetters, 0), offset: 0, key: nil, value: nil,
                headers: [Header("ce_id", text: try ChaosScene.resultID("1"))]))
        scene.expectFault("1 results are dead letters of the bot downstream")
    }

    @Test func commitsOfTheBotDownstreamAreJudgedToo() throws {
        var scene = ChaosScene(mode: .atLeastOnce)
        try scene.request("1")
        try scene.result(of: "1")
        func sample(_ time: Double, _ offset: Int64, _ scene: inout ChaosScene) {
            scene.nextSamples.append(
                OffsetWatch.Sample(
                    began: time, time: time, milliseconds: Int64(time * 1_000), committed: [scene.output: CommittedOffset(offset: offset)],
                    ends: scene.ends))
        }
        for time in 1...12 { sample(Double(time), 0, &scene) }
        let standing = scene
        try scene.answer(to: "1")
        sample(13, 1, &scene)
        scene.expectFault("\(scene.output) had lag and stood still for 13")
        sample(14, 0, &scene)
        scene.expectFault("1 commits of the bot downstream went back: \(scene.output) went back from 1 to 0")
        scene = standing
        sample(13, 1, &scene)
        try scene.answer(to: "1")
        scene.expectFault("1 results were passed by a commit of the bot downstream")
        scene = standing
        try scene.answer(to: "1")
        for (offset, time) in [(1, 13), (1, 14)] as [(Int64, Double)] { sample(time, offset, &scene) }
        scene.nextLog.append(CommittedOffset(offset: 0), of: scene.output)
        scene.expectFault("1 commits of the bot downstream are not in their log")
    }
}
