import Testing

@testable import Kafka

/// When no commit may be sent, by the answers that came and by what librdkafka says of its joins.
@Suite struct JoinWatchTests {
    private let watch = JoinWatch()

    private func change(to state: String) {
        watch.changed("[thrd:main]: Group \"a -> steady \" changed join state init -> \(state) (state up)")
    }

    @Test func fromTheFirstStepOfAJoinToItsLastNothingIsSent() {
        #expect(!watch.isJoining && watch.unlessJoining(hear: {}, { 1 }) == 1)
        for state in ["wait-join", "wait-metadata", "wait-sync", "wait-assign-call", "wait-unassign-call", "init"] {
            change(to: state)
            #expect(watch.isJoining && watch.unlessJoining(hear: {}, { 1 }) == nil)
        }
        change(to: "steady")
        #expect(!watch.isJoining && watch.unlessJoining(hear: {}, { 1 }) == 1)
        watch.changed("[thrd:main]: Group \"g\" changed state up -> wait-broker")
        #expect(watch.isJoining, "a state that is not known is none in which something may be sent")
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

    @Test func insideACallbackNoJoinBegins() {
        change(to: "wait-unassign-call")
        watch.answered(JoinWatch.heartbeat)
        watch.callback {
            #expect(!watch.isJoining)
            #expect(watch.unlessJoining(hear: { Issue.record("the group's thread waits for the callback") }, { 1 }) == 1)
        }
        #expect(watch.isJoining)
    }
}
