import Testing

@testable import Kafka

/// When no commit may be sent, by the answers that came and by what librdkafka says of its joins.
@Suite struct JoinWatchTests {
    private let watch = JoinWatch()

    /// librdkafka's text.
    private func change(_ old: String = "init", to new: String) {
        watch.changed("[thrd:main]: Group \"a -> steady (b\" changed join state \(old) -> \(new) (state up)")
    }

    private var isSent: Bool { watch.unlessJoining(hear: {}, { true }) ?? false }

    @Test func fromTheFirstStepOfAJoinToItsLastNothingIsSent() {
        #expect(!watch.isJoining && isSent)
        for state in ["init", "wait-join", "wait-metadata", "wait-sync", "wait-incr-unassign-to-complete", "unheard-of"] {
            change(to: state)
            #expect(watch.isJoining && !isSent)
        }
        change(to: "steady")
        #expect(!watch.isJoining && isSent)
        for text in ["", "Group \"g\" left", "a b c d e -> init", "-> init (state up)", "a b init (state up)"] { watch.changed(text) }
        #expect(!watch.isJoining, "a text that says nothing changes nothing")
    }

    /// Both ways: the old generation counts still, or the new one does already. A join that begins all the same is one.
    @Test func whileTheApplicationIsAskedSomethingIsSent() {
        for (state, next) in [("wait-unassign-call", "wait-incr-unassign-to-complete"), ("wait-assign-call", "init")] {
            change("wait-sync", to: state)
            #expect(isSent)
            change(state, to: next)
            #expect(!isSent)
        }
    }

    /// Who has given partitions up joins again once it has what came with that, and librdkafka calls it steady in between.
    @Test func betweenARevocationAndTheJoinThatFollowsNothingIsSent() {
        func run(_ states: [String], ends isSentInTheEnd: Bool) {
            for (old, new) in zip(states, states.dropFirst()) { change(old, to: new) }
            #expect(isSent == isSentInTheEnd)
        }
        run(["steady", "init", "wait-join", "wait-sync", "wait-unassign-call", "wait-incr-unassign-to-complete"], ends: false)
        run(["wait-incr-unassign-to-complete", "wait-assign-call"], ends: true)
        run(["wait-assign-call", "steady"], ends: false)
        run(["steady", "init", "wait-join", "wait-sync", "wait-assign-call"], ends: true)
        run(["wait-assign-call", "steady"], ends: true)
        // Another revocation takes the place of the join that was due, for instance where a topic was deleted.
        run(["wait-incr-unassign-to-complete", "wait-assign-call", "steady"], ends: false)
        run(["steady", "wait-unassign-call", "wait-incr-unassign-to-complete", "steady"], ends: true)
    }

    @Test(arguments: [JoinWatch.metadata, JoinWatch.heartbeat, JoinWatch.syncGroup]) func whatMaySayThatAJoinIsDueIsHeardFirst(
        _ request: Int16
    ) {
        var heard = 0
        watch.answered(1)
        #expect(watch.unlessJoining(hear: { heard += 1 }, { 1 }) == 1)
        #expect(heard == 0, "an answer to a fetch says nothing")
        watch.answered(request)
        #expect(watch.unlessJoining(hear: { heard += 1 }, { 1 }) == 1)
        #expect(watch.unlessJoining(hear: { heard += 1 }, { 1 }) == 1)
        #expect(heard == 1)
        watch.answered(request)
        #expect(watch.unlessJoining(hear: { change(to: "init") }, { 1 }) == nil)
    }

    @Test func whatComesWhileItIsHeardIsHeardToo() {
        var heard = 0
        watch.answered(JoinWatch.heartbeat)
        let result = watch.unlessJoining(
            hear: {
                heard += 1
                if heard < 3 { watch.answered(JoinWatch.metadata) }
            }, { 1 })
        #expect(result == 1 && heard == 3)
    }
}
