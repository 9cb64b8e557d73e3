import Synchronization
import Testing

@testable import Kafka

/// When no commit may be sent, by the requests that went out and the answers that came.
@Suite struct JoinWatchTests {
    private final class Clock: Sendable { let now = Atomic<Int64>(1_000_000) }

    private let clock = Clock()
    private let watch: JoinWatch

    init() {
        let clock = clock
        watch = JoinWatch { clock.now.load(ordering: .relaxed) }
    }

    private func pass(_ milliseconds: Int64) { clock.now.add(milliseconds, ordering: .relaxed) }

    @Test func aJoinLastsUntilItsAnswerAndLongEnoughForTheNext() {
        #expect(!watch.isJoining && !watch.mayBeJoining)
        watch.sent(JoinWatch.joinGroup)
        pass(5_000)
        #expect(watch.isJoining)
        watch.answered(JoinWatch.syncGroup)
        #expect(!watch.isJoining && watch.mayBeJoining, "the answer may say that it begins anew")
        pass(20)
        #expect(!watch.mayBeJoining)
        watch.sent(JoinWatch.joinGroup)
        pass(300)
        watch.answered(JoinWatch.syncGroup)
        pass(719)
        #expect(watch.isJoining, "librdkafka has put the next one off for so long")
        pass(1)
        #expect(!watch.isJoining)
    }

    @Test(arguments: [JoinWatch.metadata, JoinWatch.heartbeat, JoinWatch.syncGroup]) func whatMaySayThatAJoinIsDueIsSuspect(
        _ request: Int16
    ) {
        watch.answered(request)
        pass(19)
        #expect(watch.mayBeJoining)
        pass(1)
        #expect(!watch.mayBeJoining && !watch.isJoining)
        watch.answered(1)
        #expect(!watch.mayBeJoining, "an answer to a fetch says nothing")
    }

    @Test func noJoinBeginsInsideACallback() {
        watch.sent(JoinWatch.joinGroup)
        watch.answered(JoinWatch.syncGroup)
        watch.callback {
            #expect(!watch.isJoining && !watch.mayBeJoining)
            watch.answered(JoinWatch.heartbeat)
            #expect(!watch.mayBeJoining)
            pass(2_000)
        }
        #expect(watch.mayBeJoining)
        pass(20)
        #expect(!watch.mayBeJoining && !watch.isJoining)
    }
}
