import BrokerStorage
import KafkaProtocol
import Testing

@testable import Broker

@Suite struct ProduceTests {
    private let directory = DataDirectory()

    private func request(_ producer: TransactionMetadata.Producer, _ id: String?) -> ProduceRequest {
        var batch = RecordBatchBuilder(
            timestamp: 1, producerID: producer.id, producerEpoch: producer.epoch, baseSequence: 0, isTransactional: true)
        batch.append(key: nil, value: [1])
        var data = ProduceRequest.PartitionProduceData()
        data.records = .bytes(batch.finish()[...])
        var topic = ProduceRequest.TopicProduceData()
        topic.name = TopicPartition.a.topic
        topic.partitionData = [data]
        var request = ProduceRequest()
        request.transactionalId = id
        request.acks = -1
        request.topicData = [topic]
        return request
    }

    /// Who may write one transactional id must not write into the transaction of another.
    @Test(arguments: [(nil, ErrorCode.transactionalIDAuthorizationFailed), ("other", .invalidProducerIDMapping), ("t", .none)])
    func aTransactionIsWrittenUnderItsOwnIDOnly(id: String?, error: ErrorCode) throws {
        let store = try directory.open()
        let log = try store.log(TopicPartition.a.topic)
        let bench = try TransactionBench()
        _ = try bench.producer("other")
        let producer = try bench.producer("t")
        _ = try bench.add([.a], "t", producer)
        let api = ProduceAPI(
            partitions: Partitions(store: store, scheduler: bench.scheduler), authorizer: OpenAuthorizer(), durability: bench.durability,
            scheduler: bench.scheduler
        ) { bench.coordinator.verify($0, producerID: $1, epoch: $2, partition: $3) }
        var dispatcher = Dispatcher()
        api.register(in: &dispatcher)
        let answer = try dispatcher.ask(request(producer, id), version: 9)
        #expect(answer.responses.flatMap { $0.partitionResponses.map(\.errorCode) } == [error.rawValue])
        #expect(log.endOffset == (error == .none ? 1 : 0))
    }

    /// What is said of each partition when the disk then fails for one.
    private func answer(to request: ProduceRequest, failing partition: TopicPartition) throws -> [ErrorCode] {
        let store = try directory.open()
        _ = try store.log(TopicPartition.a.topic)
        let durability = ManualDurability()
        durability.isImmediate = false
        let scheduler = ManualScheduler()
        let api = ProduceAPI(
            partitions: Partitions(store: store, scheduler: scheduler), authorizer: OpenAuthorizer(), durability: durability,
            scheduler: scheduler
        ) { _, _, _, _ in .none }
        var dispatcher = Dispatcher()
        api.register(in: &dispatcher)
        let answer = try dispatcher.ask(request, version: 9) { durability.sync(failing: partition) }
        return answer.responses.flatMap { $0.partitionResponses.compactMap { ErrorCode(rawValue: $0.errorCode) } }
    }

    @Test func whatTheDiskLosesIsNotAcknowledged() throws {
        #expect(try answer(to: request(.init(id: 1, epoch: 0), "t"), failing: .a) == [.kafkaStorageError])
    }

    /// A partition that failed before goes along in a client's request: the others of it are acknowledged all the same.
    @Test func whatIsRefusedAlreadyRefusesNothingElse() throws {
        var both = request(.init(id: 1, epoch: 0), "t")
        var other = both.topicData[0]
        other.name = "gone"
        both.topicData.append(other)
        #expect(try answer(to: both, failing: TopicPartition("gone", 0)) == [.none, .unknownTopicOrPartition])
    }
}
