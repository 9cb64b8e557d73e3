import CNap
import Glibc
import MeshTesting
import Testing

@testable import Kafka

/// A main thread of librdkafka that waits by looking at the clock naps; one that works, and a thread of another name, does not.
@Suite(.timeLimit(.minutes(1)), .enabled(if: MainLoopNap.isInUse)) struct MainLoopNapTests {
    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Asks for the time so often, and returns how many naps that took. Time must not go back.
    private static func naps(asking times: Int, on name: String = "\(MainLoopNap.threadName)", working: Bool = false) async throws -> UInt64
    {
        try await DedicatedThread.run(name: name) {
            var last = now()
            for _ in 0..<times {
                if working { usleep(10) }
                let next = now()
                #expect(next >= last)
                last = next
            }
            return cnap_count_of_this_thread()
        }
    }

    @Test func aThreadThatOnlyLooksAtTheClockNaps() async throws {
        // Other work of the machine can come between two calls, but not between any two.
        #expect(try await Self.naps(asking: 100_000) > 0)
    }

    @Test func whoIsNotWatchedNeverNaps() async throws {
        #expect(try await Self.naps(asking: 100_000, on: "another") == 0)
    }

    @Test func whoWorksBetweenNeverNaps() async throws {
        #expect(try await Self.naps(asking: 1_000, working: true) == 0)
    }

    @Test func aProducersMainThreadNapsInATransaction() async throws {
        let before = cnap_count()
        try await withMock { cluster in
            let producer = try Producer(cluster.settings, ProducerSettings(transactionalID: "tx"), observer: quiet)
            defer { producer.close() }
            try producer.initTransactions(timeout: .seconds(15))
            while cnap_count() == before {
                try producer.beginTransaction()
                try producer.send(OutgoingRecord(topic: "topic", value: [1]))
                try producer.commitTransaction(timeout: .seconds(15))
            }
        }
        #expect(cnap_count() > before)
    }
}
