import Kafka
import Testing

@testable import meshload

/// What counts as a whole run of the benchmark.
@Suite struct AnsweredRequestsTests {
    private static func fault(_ results: [String], of requests: Int) -> String? {
        var answered = AnsweredRequests(of: requests)
        for (offset, result) in results.enumerated() {
            answered.note(Record(topicPartition: TopicPartition("out", 0), offset: Int64(offset), key: nil, value: Array(result.utf8)))
        }
        return answered.fault
    }

    private static func result(_ number: Int) -> String { "{\"payload\":{\"sequence\":\(number)}}  " }

    @Test func oneResultForEachRequestInAnyOrderIsRight() {
        #expect(Self.fault([2, 0, 1].map(Self.result), of: 3) == nil)
    }

    @Test func oneThatIsLostAndOneThatIsRepeatedDoNotCancelOut() {
        #expect(Self.fault([0, 2, 2].map(Self.result), of: 3) == "requests without a result: 1, results more than once: 1")
    }

    @Test(arguments: [result(3), result(-1), "no number"]) func whatBelongsToNoRequestIsTold(result: String) {
        #expect(Self.fault([Self.result(0), result], of: 1) == "results that belong to no request: 1")
    }
}
