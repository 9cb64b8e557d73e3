import Testing

@testable import Kafka
@testable import MeshRuntime

/// What is known of a batch that an at-least-once producer was given.
@Suite struct HandoverTests {
    private static let partition = TopicPartition("work.done", 0)
    private static let refused = KafkaError(code: 10, name: "MSG_SIZE_TOO_LARGE", message: "too large")
    private static let unsent = KafkaError(code: -152, name: "_PURGE_QUEUE", message: "purged")
    private static let late = KafkaError(code: -192, name: "_MSG_TIMED_OUT", message: "too late", isRetriable: true)

    private func part(_ places: [(Int, Int)], failures: [(Int, Int, KafkaError)] = [], unsent: Unwritten? = nil) -> Handover.Part {
        var part = Handover.Part()
        for (item, record) in places { part.add(BatchPlace(item: item, record: record)) }
        if let unsent { part.refused(unsent) }
        part.end(
            failures.map {
                Delivery(
                    token: BatchPlace(item: $0.0, record: $0.1).token, topicPartition: Self.partition, offset: -1, error: $0.2,
                    mayBeThere: $0.2 != Self.unsent)
            })
        return part
    }

    @Test func aTokenStandsForItsPlace() {
        for place in [BatchPlace(item: 0, record: 0), BatchPlace(item: 999, record: 0), BatchPlace(item: 3, record: 70_000)] {
            #expect(BatchPlace(token: place.token) == place)
        }
        #expect(BatchPlace(item: 1, record: 9) < BatchPlace(item: 2, record: 0))
    }

    @Test func whatIsNotToldOfWasDelivered() {
        var handover = Handover()
        handover.results = part([(0, 0), (1, 0), (1, 1)], failures: [(1, 0, Self.refused)])
        handover.state = part([(0, 1)])
        #expect(handover.delivered == [0: [0, 1], 1: [1]])
        #expect(handover.error == Self.refused)
        #expect([0, 1, 2].map(handover.results.lacks) == [false, true, false])
    }

    @Test func whatTheProducerDidNotTakeAndAllBehindItIsMissing() {
        let results = part([(0, 0), (1, 0)], unsent: Unwritten(item: 1, topic: "work.done", error: Self.late))
        #expect(results.delivered == [BatchPlace(item: 0, record: 0)])
        #expect([0, 1, 2].map(results.lacks) == [false, true, true])
        #expect(results.lastBegun == BatchPlace(item: 0, record: 0))
    }

    @Test func whatTimedOutMayBeInItsTopicAndWhatWasRefusedOrNeverSentIsNot() {
        let results = part(
            [(0, 0), (1, 0), (2, 0), (3, 0)], failures: [(1, 0, Self.late), (2, 0, Self.refused), (3, 0, Self.unsent)])
        #expect(results.delivered == [BatchPlace(item: 0, record: 0)])
        #expect(results.lastBegun == BatchPlace(item: 1, record: 0))
        #expect(results.unknown == 1)
    }

    /// The first part stays known where the second does not end.
    @Test func ofWhatDidNotEndNothingIsKnownButThatItMayBeThere() {
        var handover = Handover()
        handover.results = part([(0, 0), (1, 0)])
        handover.state.add(BatchPlace(item: 0, record: 1))
        #expect(handover.delivered == [0: [0], 1: [0]])
        #expect(handover.state.lacks(0) && handover.state.lastBegun == BatchPlace(item: 0, record: 1))
        var results = Handover.Part()
        results.add(BatchPlace(item: 4, record: 0))
        #expect(results.delivered.isEmpty && results.lacks(0) && results.lastBegun == BatchPlace(item: 4, record: 0))
        #expect(results.unknown == 1 && handover.results.unknown == 0)
    }
}
