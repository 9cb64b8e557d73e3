import CNap
import Glibc
import MeshTesting
import Testing

@testable import Kafka

/// A thread that waits by looking at the clock naps; one that works, and one that nobody watches, does not.
@Suite(.timeLimit(.minutes(1))) struct MainLoopNapTests {
    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Asks for the time so often, and returns how many naps that took. Time must not go back.
    private static func naps(asking times: Int, watched: Bool, working: Bool = false) async throws -> UInt64 {
        try await blocking {
            if watched { cnap_watch_this_thread() }
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
        #expect(try await Self.naps(asking: 100_000, watched: true) > 0)
    }

    @Test func whoIsNotWatchedNeverNaps() async throws {
        #expect(try await Self.naps(asking: 100_000, watched: false) == 0)
    }

    @Test func whoWorksBetweenNeverNaps() async throws {
        #expect(try await Self.naps(asking: 1_000, watched: true, working: true) == 0)
    }

    @Test(.enabled(if: MainLoopNap.isNeeded)) func aProducersMainThreadNapsInATransaction() async throws {
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
