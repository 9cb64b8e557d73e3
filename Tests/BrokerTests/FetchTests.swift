import BrokerStorage
import KafkaProtocol
import Testing

@testable import Broker

@Suite struct FetchTests {
    private let directory = DataDirectory()
    private let partition = TopicPartition("t", 0)

    private func batch() -> [UInt8] {
        var builder = RecordBatchBuilder(timestamp: 1)
        builder.append(key: nil, value: [1])
        return builder.finish()
    }

    /// The records come before the request, or while it waits.
    @Test(arguments: [12, 13] as [Int16], [false, true]) func aPartitionThatIsNamedTwiceIsAnsweredOnce(version: Int16, waits: Bool) throws {
        let scheduler = ManualScheduler()
        let topics = try TopicFixture()
        let id = try topics.create("t").id
        let partitions = Partitions(store: try directory.open(), scheduler: scheduler)
        _ = try partitions.openPartition(partition, topicID: id, settings: TopicSettings())
        let log = try #require(partitions.log(partition))
        var later: [() -> Void] = []
        let waiting = WaitingFetches(scheduler: scheduler) { later.append($0) }
        partitions.onAdvance = { waiting.advance($0) }
        var dispatcher = Dispatcher()
        FetchAPI(partitions: partitions, topics: topics.registry, authorizer: OpenAuthorizer(), waiting: waiting).register(in: &dispatcher)
        if !waits { _ = try log.append(batch()[...], now: 0) }
        let answer = try dispatcher.ask(request(id), version: version) {
            guard waits else { return }
            #expect(waiting.count == 1)
            _ = try? log.append(batch()[...], now: 0)
            for action in later { action() }
        }
        #expect(answer.responses.map { $0.partitions.map(\.partitionIndex) } == [[0]])
        #expect(answer.responses.first?.partitions.first?.highWatermark == 1)
        #expect(waiting.count == 0)
    }

    private func request(_ id: WireUUID) -> FetchRequest {
        var wanted = FetchRequest.FetchPartition()
        wanted.partitionMaxBytes = 1_000
        var topic = FetchRequest.FetchTopic()
        topic.topic = partition.topic
        topic.topicId = id
        topic.partitions = [wanted, wanted]
        var request = FetchRequest()
        request.topics = [topic, topic]
        request.minBytes = 1
        request.maxWaitMs = 1_000
        return request
    }
}
