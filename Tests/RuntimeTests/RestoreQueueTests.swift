import Kafka
import Testing

@testable import MeshRuntime

@Suite struct RestoreQueueTests {
    private func request(_ numbers: [Int32], assignment: UInt64 = 1, statePartitions: Int32? = 4) -> Restorer.Request {
        Restorer.Request(partitions: numbers.map { TopicPartition("t", $0) }, assignment: assignment, statePartitions: statePartitions)
    }

    private func numbers(_ request: Restorer.Request?) -> [Int32]? { request?.partitions.map(\.partition) }

    /// One state partition has no leader: the others do not wait for it.
    @Test func whatFailsIsTriedAgainInParts() {
        var queue = RestoreQueue()
        queue.append(request([0, 1, 4, 2]))
        let all = queue.takeNext()
        #expect(numbers(all) == [0, 1, 4, 2])
        queue.putBack(all!)
        #expect(queue.pause == 100)
        let first = queue.takeNext()
        #expect(numbers(first) == [0, 4], "they share a state partition")
        queue.putBack(first!)
        #expect(queue.pause == 200)
        #expect(numbers(queue.takeNext()) == [1])
        queue.succeeded()
        #expect(queue.pause == 0)
        #expect(numbers(queue.takeNext()) == [2])
        #expect(numbers(queue.takeNext()) == [0])
        #expect(numbers(queue.takeNext()) == [4])
        #expect(queue.takeNext() == nil && queue.isEmpty)
    }

    @Test func whatIsGivenLaterDoesNotWaitForWhatFails() {
        var queue = RestoreQueue()
        queue.append(request([0]))
        for _ in 0..<10 {
            queue.putBack(queue.takeNext()!)
        }
        #expect(queue.pause == 5_000)
        queue.append(request([1], assignment: 2))
        #expect(queue.pause == 0)
        #expect(queue.takeNext()?.assignment == 2)
    }

    @Test func whatIsGivenUpIsNotTriedAgain() {
        var queue = RestoreQueue()
        queue.append(request([0, 1]))
        queue.putBack(queue.takeNext()!)
        queue.keep([TopicPartition("t", 1)])
        #expect(numbers(queue.takeNext()) == [1])
        #expect(queue.isEmpty)
    }
}
