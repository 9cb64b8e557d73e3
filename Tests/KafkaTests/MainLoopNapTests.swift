import CNap
import Glibc
import MeshTesting
import Testing

@testable import Kafka

/// A main thread of librdkafka that waits by looking at the clock naps; one that looks now and then, and a thread of another name, does not.
@Suite(
    .serialized, .timeLimit(.minutes(10)), .enabled(if: MainLoopNap.isNeeded, "from version 2.4 on librdkafka sleeps where older ones spin")
)
struct MainLoopNapTests {
    private struct Watched {
        var naps: UInt64 = 0
        var timeWentBack = false
    }

    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Asks for the time so often on a thread of that name, with at least so many microseconds between two looks.
    private static func ask(_ times: Int, on name: String = "\(MainLoopNap.threadName)", apart: UInt32 = 0) async throws -> Watched {
        MainLoopNap.begin()
        return try await DedicatedThread.run(name: name) {
            var watched = Watched()
            var last = now()
            for _ in 0..<times {
                if apart > 0 { usleep(apart) }
                let next = now()
                watched.timeWentBack = watched.timeWentBack || next < last
                last = next
            }
            watched.naps = cnap_count_of_this_thread()
            return watched
        }
    }

    @Test func aThreadThatOnlyLooksAtTheClockNaps() async throws {
        // Other work of the machine can come between two calls, but not between any two.
        let watched = try await Self.ask(100_000)
        #expect(watched.naps > 0)
        #expect(!watched.timeWentBack)
    }

    @Test func aThreadOfAnotherNameNeverNaps() async throws {
        #expect(try await Self.ask(100_000, on: "another").naps == 0)
    }

    @Test func whoLooksAtTheClockNowAndThenNeverNaps() async throws {
        // Five times as far apart as looks may be that count as waiting.
        #expect(try await Self.ask(1_000, apart: 10).naps == 0)
    }

    @Test func aProducersMainThreadNapsInATransaction() async throws {
        let before = cnap_count()
        try await withMock { cluster in
            let producer = try Producer(cluster.settings, .patient("tx"), observer: quiet)
            defer { producer.close() }
            try producer.initTransactions(timeout: .seconds(15))
            for _ in 0..<200 where cnap_count() == before {
                try producer.beginTransaction()
                try producer.send(OutgoingRecord(topic: "topic", value: [1]))
                try producer.commitTransaction(timeout: .seconds(15))
            }
        }
        #expect(cnap_count() > before)
    }
}
