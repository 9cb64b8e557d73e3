import BotKit
import Envelopes
import Testing

@testable import MeshRuntime

/// Whose turn it is among the calls that wait.
@Suite struct WaitingCallsTests {
    /// A job of that priority with so many calls.
    private func job(_ priority: Priority, calls: Int = 1) throws -> Job {
        let machine = try Machine(
            WorkBot.self, partitions: 1,
            configuration: configuration { $0.triggers = [.init(kind: .event, pattern: "work.requested", priority: priority)] })
        try machine.send(Work(name: "a", number: 1, how: "call"))
        for _ in 0..<60 where machine.calls.isEmpty { machine.step() }
        let job = try #require(machine.engine.begun.values.first)
        job.calls = (0..<calls).map { _ in JobCall(WorkCall.effort(Effort(number: 1, step: 0)), idempotencyKey: "k", isRepeat: false) }
        return job
    }

    private func take(_ waiting: inout WaitingCalls, _ mightBegin: (WaitingCalls.Entry) -> Bool = { _ in true }) -> [WaitingCalls.Entry] {
        waiting.takeAll(fairTo: mightBegin)
    }

    @Test func theMostUrgentOfThemThatWasMadeLeastOftenGoesFirst() throws {
        var waiting = WaitingCalls()
        let (low, high) = (try job(.low, calls: 2), try job(.critical, calls: 3))
        high.calls[0].turn = 2
        for call in 0..<2 { waiting.append(low, call) }
        for call in 0..<3 { waiting.append(high, call) }
        let order = take(&waiting)
        #expect(order.map(\.job.priority) == [.critical, .critical, .critical, .low, .low])
        #expect(order.map(\.call) == [1, 2, 0, 0, 1])
        #expect(waiting.isEmpty)
        waiting.putBack(order)
        #expect(waiting.count == 5)
        #expect(take(&waiting).map(\.call) == [1, 2, 0, 0, 1])
    }

    /// A look in which nothing could begin is nobody's turn.
    @Test func everyEighthTurnIsThatOfWhatHasWaitedLongestAndMightBegin() throws {
        var waiting = WaitingCalls()
        let (old, low, high) = (try job(.low), try job(.low), try job(.critical, calls: 100))
        waiting.append(old, 0)
        waiting.append(low, 0)
        for call in 0..<100 { waiting.append(high, call) }
        var firsts: [Priority] = []
        for look in 0..<50 {
            let taken = waiting.takeAll { $0.job !== old }
            firsts.append(taken[0].job.priority)
            // In every second look there is no place.
            guard look % 2 == 0 else {
                waiting.putBack(taken)
                continue
            }
            #expect(waiting.insists(taken[0]) == (taken[0].job === low))
            waiting.began(taken[0])
            waiting.putBack(Array(taken.dropFirst()))
            if taken[0].job === low { break }
        }
        // Seven turns, and as many looks without a place; the last of these was its own already.
        #expect(firsts == Array(repeating: .critical, count: 13) + [.low, .low])
        #expect(waiting.count == 101 - 7 && take(&waiting)[0].job === high)
    }
}
