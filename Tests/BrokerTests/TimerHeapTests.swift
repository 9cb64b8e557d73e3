import Testing

@testable import Broker

@Suite struct TimerHeapTests {
    @Test func timersRunInTheOrderInWhichTheyAreDue() {
        var heap = TimerHeap()
        var ran: [Int] = []
        for due in [5, 1, 9, 3, 1] { _ = heap.add(due: Int64(due)) { ran.append(due) } }
        while let action = heap.popDue(5) { action() }
        #expect(ran == [1, 1, 3, 5])
        #expect(heap.nextDue == 9)
    }

    @Test func aCancelledTimerDoesNotRunAndLeavesNothingBehind() {
        var heap = TimerHeap()
        let timers = (0..<1000).map { heap.add(due: Int64($0 * 7 % 1000)) {} }
        for timer in timers.dropLast() { heap.cancel(timer) }
        #expect(heap.count == 1)
        #expect(heap.popDue(1000) != nil)
        #expect(heap.popDue(1000) == nil)
    }
}
