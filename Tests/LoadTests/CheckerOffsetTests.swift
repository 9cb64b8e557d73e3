import Kafka
import Testing

@testable import meshload

/// Commits that go back, or pass what is not finished.
@Suite struct CheckerOffsetTests {
    @Test func aCommitThatGoesBackIsFound() throws {
        var scene = ChaosScene()
        try scene.request("1")
        try scene.result(of: "1")
        scene.sample(at: 1, committed: 1)
        scene.sample(at: 2, committed: 0)
        scene.expectFault("went back from 1 to 0")
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
        scene.expectFault("1 commits went back: \(scene.input) went back from 1 to 0")
    }

    @Test func aCommitThatIsGoneIsFoundInTheLogAndInTheSamples() throws {
        var scene = ChaosScene()
        try scene.request("1")
        try scene.result(of: "1")
        scene.sample(at: 1, committed: 1)
        for offset in [1, nil, 1] as [Int64?] { scene.commit(offset) }
        scene.expectFault("\(scene.input) lost its commit of 1")
        scene.log = CommitLog()
        #expect(scene.verdict.faults == [])
        scene.sample(at: 2, [:])
        scene.expectFault("\(scene.input) lost its commit of 1")
    }

    @Test func aLogThatLacksWhatTheGroupHasCommittedIsFound() throws {
        var scene = ChaosScene()
        try scene.request("1")
        try scene.result(of: "1")
        scene.sample(at: 1, committed: 1)
        scene.commit(0)
        scene.expectFault("1 commits are not in their log: \(scene.input) at 1")
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
        scene.expectFault("1 requests or retries were passed by a commit: the commit of \(scene.input) passed 1")
    }

    @Test func aCommitThatPassesARetryBeforeItHasAnOutcomeIsFound() throws {
        func faults(_ end: (inout ChaosScene) throws -> Void) throws -> [String] {
            var scene = ChaosScene(scenario: .dependency)
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

    @Test func aCommitThatPassesAnUnfinishedRequestIsFound() throws {
        var scene = ChaosScene()
        for id in ["1", "2"] { try scene.request(id, key: id) }
        try scene.result(of: "2", key: "2")
        scene.sample(at: 1, committed: 0, metadata: "m1:1")
        #expect(!scene.verdict.faults.contains { $0.contains("passed by a commit") })
        scene.sample(at: 2, committed: 2)
        try scene.result(of: "1", key: "1")
        scene.sample(at: 3, committed: 2)
        scene.expectFault("1 requests or retries were passed by a commit")
    }

    /// Whoever takes the partition then handles it again.
    @Test func aCommitThatForgetsWhatOneBeforeItHasNamedIsFound() throws {
        func scene(_ commits: [(offset: Int64, metadata: String)], inLog: Bool) throws -> ChaosScene {
            var scene = ChaosScene()
            for id in ["1", "2", "3", "4"] { try scene.request(id, key: id) }
            for id in ["4", "3", "2", "1"] { try scene.result(of: id, key: id) }
            for (offset, metadata) in commits {
                if inLog { scene.commit(offset, metadata: metadata) } else { scene.sample(at: 1, committed: offset, metadata: metadata) }
            }
            return scene
        }
        for inLog in [true, false] {
            // 2 and 3, then 1 to 3.
            #expect(try scene([(0, "m1:2-2"), (0, "m1:1-3"), (1, "m1:0-3"), (4, "")], inLog: inLog).verdict.faults == [])
            try scene([(0, "m1:2-2"), (1, "m1:2"), (4, "")], inLog: inLog).expectFault(
                "1 commits have forgotten what was finished: the commit of \(ChaosScene().input) at 1 no longer says that 2 is finished")
            try scene([(0, "m1:2-2"), (3, "")], inLog: inLog).expectFault("at 3 no longer says that 3 is finished")
        }
    }

    @Test func aRangeThatNamesAnUnfinishedRequestIsFound() throws {
        var scene = ChaosScene()
        for id in ["1", "2"] { try scene.request(id, key: id) }
        scene.sample(at: 1, committed: 0, metadata: "m1:1")
        for id in ["1", "2"] { try scene.result(of: id, key: id) }
        scene.expectFault("passed by a commit")
    }
}
