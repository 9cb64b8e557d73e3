import Synchronization
import Testing

@testable import Kafka

/// When no commit may be sent, by the requests that went out and the answers that came.
@Suite final class JoinWatchTests {
    private final class Clock: Sendable { let now = Atomic<Int64>(1_000_000) }

    private let clock = Clock()
    private let watch: JoinWatch

    init() {
        let clock = clock
        watch = JoinWatch { clock.now.load(ordering: .relaxed) }
    }

    /// How often it was waited for the group's thread.
    private let heard = Atomic<Int>(0)

    private var mayBeJoining: Bool { watch.mayBeJoining { heard.add(1, ordering: .relaxed) } }

    private func pass(_ milliseconds: Int64) { clock.now.add(milliseconds, ordering: .relaxed) }

    @Test func aJoinLastsUntilItsAnswerAndLongEnoughForTheNext() {
        #expect(!watch.isJoining && !mayBeJoining)
        watch.sent(JoinWatch.joinGroup)
        pass(5_000)
        #expect(watch.isJoining)
        watch.answered(JoinWatch.syncGroup)
        #expect(!watch.isJoining && mayBeJoining, "the answer may say that it begins anew")
        pass(20)
        #expect(!mayBeJoining)
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
        pass(500)
        #expect(mayBeJoining, "the group's thread may have seen it only now")
        #expect(heard.load(ordering: .relaxed) == 1)
        pass(19)
        #expect(mayBeJoining)
        pass(1)
        #expect(!mayBeJoining && !watch.isJoining)
        watch.answered(1)
        #expect(!mayBeJoining, "an answer to a fetch says nothing")
        #expect(heard.load(ordering: .relaxed) == 1)
    }

    @Test func noJoinBeginsInsideACallback() {
        watch.sent(JoinWatch.joinGroup)
        watch.answered(JoinWatch.syncGroup)
        watch.callback {
            #expect(!watch.isJoining && !mayBeJoining)
            watch.answered(JoinWatch.heartbeat)
            #expect(!mayBeJoining)
            pass(2_000)
        }
        #expect(mayBeJoining)
        pass(20)
        #expect(!mayBeJoining && !watch.isJoining)
    }
}
