import Kafka
import Testing

@testable import MeshRuntime

@Suite struct FetchWatchTests {
    private let partition = TopicPartition("build.requested", 3)

    private func look(next: Int64?, high: Int64?, end: Int64? = nil, stable: Int64? = nil, isWanted: Bool = true) -> FetchWatch.Look {
        FetchWatch.Look(partition: partition, next: next, high: high, end: end, stable: stable, isWanted: isWanted)
    }

    private func named(_ watch: inout FetchWatch, _ look: FetchWatch.Look, from: Int64, to: Int64) -> Int {
        var count = 0
        for second in from...to { count += watch.silent([look], limit: 5_000, at: second * 1_000).count }
        return count
    }

    @Test func aPartitionThatBringsNothingIsAskedForAgainOnceInEachSpan() {
        var watch = FetchWatch()
        #expect(named(&watch, look(next: 5, high: 9), from: 0, to: 4) == 0)
        #expect(named(&watch, look(next: 5, high: 9), from: 5, to: 5) == 1)
        #expect(named(&watch, look(next: 5, high: 9), from: 6, to: 14) == 1)
    }

    @Test func oneThatWasNeverFetchedIsAskedForAgain() {
        var watch = FetchWatch()
        #expect(named(&watch, look(next: nil, high: nil), from: 0, to: 5) == 1)
    }

    @Test func whatMovesIsReadToItsEndOrIsNotWantedIsLeftAlone() {
        var watch = FetchWatch()
        for second in 0..<20 {
            #expect(watch.silent([look(next: Int64(second), high: 99)], limit: 5_000, at: Int64(second) * 1_000).isEmpty)
        }
        #expect(named(&watch, look(next: 9, high: 9), from: 20, to: 40) == 0)
        #expect(named(&watch, look(next: 7, high: 9, end: 9), from: 41, to: 60) == 0, "markers of transactions follow the last record")
        #expect(named(&watch, look(next: 5, high: 9, isWanted: false), from: 61, to: 80) == 0)
        #expect(named(&watch, look(next: 5, high: 9), from: 81, to: 84) == 0, "the span begins when it is wanted again")
    }

    /// Fetching has stopped at the end, so that no fetch tells of what came since.
    @Test func whatTheLeaderKnowsCountsMoreThanTheLastFetch() {
        var watch = FetchWatch()
        #expect(named(&watch, look(next: 9, high: 9, stable: 12), from: 0, to: 5) == 1)
        // Given away at 9, come back at 40.
        #expect(named(&watch, look(next: 40, high: 9, stable: 44), from: 6, to: 11) == 1)
    }

    @Test func anOpenTransactionIsNotAskedForAgain() {
        var watch = FetchWatch()
        #expect(named(&watch, look(next: 9, high: 15, end: 9, stable: 9), from: 0, to: 60) == 0)
    }
}
