import BrokerStorage
import KafkaProtocol
import Testing

@testable import Broker

@Suite struct OffsetsTests {
    private let directory = DataDirectory()

    private func ask<Request: APIRequest>(
        _ request: Request, _ store: LogStore, _ durability: ManualDurability = ManualDurability(), failing: TopicPartition? = nil
    ) throws
        -> Request.Response
    {
        var dispatcher = Dispatcher()
        OffsetsAPI(
            partitions: Partitions(store: store, scheduler: ManualScheduler()), authorizer: OpenAuthorizer(), durability: durability
        ).register(in: &dispatcher)
        return try dispatcher.ask(request, version: 2) { durability.sync(failing: failing) }
    }

    @Test func aPartitionThatIsNamedTwiceIsAnsweredOnce() throws {
        let store = try directory.open()
        _ = try store.log()
        var topic = ListOffsetsRequest.ListOffsetsTopic()
        topic.name = "t"
        topic.partitions = Array(repeating: ListOffsetsRequest.ListOffsetsPartition(), count: 3)
        var request = ListOffsetsRequest()
        request.topics = [topic]
        #expect(try ask(request, store).topics.map { $0.partitions.map(\.errorCode) } == [[0]])
    }

    @Test func theEndOfAnEpochIsToldOnce() throws {
        let store = try directory.open()
        _ = try store.log()
        var topic = OffsetForLeaderEpochRequest.OffsetForLeaderTopic()
        topic.topic = "t"
        topic.partitions = Array(repeating: OffsetForLeaderEpochRequest.OffsetForLeaderPartition(), count: 3)
        var request = OffsetForLeaderEpochRequest()
        request.topics = [topic]
        #expect(try ask(request, store).topics.map { $0.partitions.map(\.errorCode) } == [[0]])
    }

    @Test func recordsAreDeletedOnce() throws {
        let store = try directory.open()
        let log = try store.log()
        for _ in 0..<3 {
            var batch = RecordBatchBuilder(timestamp: 1)
            batch.append(key: nil, value: [1])
            _ = try log.append(batch.finish()[...], now: 0)
        }
        var topic = DeleteRecordsRequest.DeleteRecordsTopic()
        topic.name = "t"
        topic.partitions = ([1, 2] as [Int64]).map { offset in
            var partition = DeleteRecordsRequest.DeleteRecordsPartition()
            partition.offset = offset
            return partition
        }
        var request = DeleteRecordsRequest()
        request.topics = [topic]
        #expect(try ask(request, store).topics.map { $0.partitions.map(\.lowWatermark) } == [[1]])
        #expect(log.startOffset == 1)
    }

    /// In the default mode too.
    @Test func deletedRecordsAreToldWhenTheStartOffsetIsOnTheDisk() throws {
        let store = try directory.open()
        _ = try store.log()
        var partition = DeleteRecordsRequest.DeleteRecordsPartition()
        partition.offset = -1
        var topic = DeleteRecordsRequest.DeleteRecordsTopic()
        topic.name = "t"
        topic.partitions = [partition]
        var request = DeleteRecordsRequest()
        request.topics = [topic]
        let durability = ManualDurability()
        durability.syncsAtOnce = false
        for failing in [nil, TopicPartition("t", 0)] {
            let code = try ask(request, store, durability, failing: failing).topics.first?.partitions.first?.errorCode
            #expect(code == (failing == nil ? 0 : ErrorCode.kafkaStorageError.rawValue))
        }
    }
}
