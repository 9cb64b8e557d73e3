import KafkaProtocol

@testable import Broker

/// A coordinator with all that it needs, and what its answers were.
final class TransactionBench {
    typealias Producer = TransactionMetadata.Producer
    let scheduler = ManualScheduler()
    let durability = ManualDurability()
    let log: MemoryStateLog
    let participants: MemoryParticipants
    let authorizer = ListAuthorizer()
    let coordinator: TransactionCoordinator
    let notices: Notices
    private var dispatcher = Dispatcher()

    final class Notices { var all: [TransactionNotice] = [] }

    init(
        log: MemoryStateLog = MemoryStateLog(), at time: Int64 = 1_000, participants: (any TransactionParticipants)? = nil,
        settings: TransactionSettings = TransactionSettings(), load: Bool = true
    ) throws {
        self.log = log
        let own = MemoryParticipants()
        self.participants = participants as? MemoryParticipants ?? own
        let notices = Notices()
        self.notices = notices
        scheduler.advance(by: time - scheduler.now)
        coordinator = TransactionCoordinator(
            log: log, durability: durability, scheduler: scheduler, authorizer: authorizer, participants: participants ?? own,
            settings: settings,
            report: { notices.all.append($0) })
        coordinator.register(in: &dispatcher)
        if load { try coordinator.load() }
    }

    /// Sends the request as a client does; the box fills when the answer comes.
    func send<Request: APIRequest>(_ request: Request, version: Int16? = nil) throws -> Answer<Request.Response> {
        let version = version ?? Request.api.versions.upperBound
        let answer = Answer<Request.Response>()
        let bytes = MessageWriter.request(request, correlationID: 1, clientID: "tests", version: version).flatMap { $0.inMemory }
        let (header, reader) = try RequestHeader.read(Array(bytes.dropFirst(4)))
        try dispatcher.dispatch(header, reader, RequestContext(version: version)) { parts in
            let bytes = (parts ?? []).flatMap { $0.inMemory }
            let isFlexible = Request.api.isFlexible(version)
            var reader = MessageReader(Array(bytes.dropFirst(isFlexible ? 9 : 8)), version: version, isFlexible: isFlexible)
            var response = Request.Response()
            do { try response.code(&reader) } catch { return }
            answer.all.append(response)
        }
        return answer
    }

    func initialize(_ id: String?, timeout: Int32 = 60_000, expected: Producer? = nil, version: Int16? = nil) throws
        -> Answer<InitProducerIdResponse>
    {
        var request = InitProducerIdRequest()
        request.transactionalId = id
        request.transactionTimeoutMs = timeout
        if let expected { (request.producerId, request.producerEpoch) = (expected.id, expected.epoch) }
        return try send(request, version: version)
    }

    /// A producer that was let in.
    func producer(_ id: String, timeout: Int32 = 60_000) throws -> Producer {
        let answer = try initialize(id, timeout: timeout).value
        guard let answer, answer.errorCode == 0 else { throw ErrorCode(rawValue: answer?.errorCode ?? -1) ?? .unknownServerError }
        return Producer(id: answer.producerId, epoch: answer.producerEpoch)
    }

    func add(_ partitions: [TopicPartition], _ id: String, _ producer: Producer, version: Int16? = nil) throws
        -> Answer<AddPartitionsToTxnResponse>
    {
        var request = AddPartitionsToTxnRequest()
        request.v3AndBelowTransactionalId = id
        request.v3AndBelowProducerId = producer.id
        request.v3AndBelowProducerEpoch = producer.epoch
        request.v3AndBelowTopics = partitions.map {
            var topic = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic()
            topic.name = $0.topic
            topic.partitions = [$0.partition]
            return topic
        }
        return try send(request, version: version)
    }

    func addOffsets(_ group: String, _ id: String, _ producer: Producer, version: Int16? = nil) throws -> Answer<AddOffsetsToTxnResponse> {
        var request = AddOffsetsToTxnRequest()
        request.transactionalId = id
        request.producerId = producer.id
        request.producerEpoch = producer.epoch
        request.groupId = group
        return try send(request, version: version)
    }

    func end(_ id: String, _ producer: Producer, commit: Bool = true, version: Int16? = nil) throws -> Answer<EndTxnResponse> {
        var request = EndTxnRequest()
        request.transactionalId = id
        request.producerId = producer.id
        request.producerEpoch = producer.epoch
        request.committed = commit
        return try send(request, version: version)
    }

    func state(_ id: String) -> TransactionState? { coordinator.transactions[id]?.metadata.state }
}

/// Where an answer comes; it may come once.
final class Answer<Response> {
    var all: [Response] = []
    var value: Response? { all.count == 1 ? all[0] : nil }
}

extension Answer<InitProducerIdResponse> {
    var error: ErrorCode? { value.flatMap { ErrorCode(rawValue: $0.errorCode) } }
    var producer: TransactionMetadata.Producer? { value.map { .init(id: $0.producerId, epoch: $0.producerEpoch) } }
}
extension Answer<AddPartitionsToTxnResponse> {
    var errors: [ErrorCode] {
        (value?.resultsByTopicV3AndBelow ?? []).flatMap(\.resultsByPartition).compactMap { ErrorCode(rawValue: $0.partitionErrorCode) }
    }
}
extension Answer<AddOffsetsToTxnResponse> {
    var error: ErrorCode? { value.flatMap { ErrorCode(rawValue: $0.errorCode) } }
}
extension Answer<EndTxnResponse> {
    var error: ErrorCode? { value.flatMap { ErrorCode(rawValue: $0.errorCode) } }
}

/// Partitions that remember their markers.
final class MemoryParticipants: TransactionParticipants {
    struct Marker: Equatable {
        var partition: TopicPartition
        var producerID: Int64
        var epoch: Int16
        var commit: Bool
    }

    var partitions: Set<TopicPartition> = [.a, .b, TransactionCoordinator.offsetsPartition]
    var endOffsets: [TopicPartition: Int64] = [:]
    var markers: [Marker] = []
    var failures: [TopicPartition: ErrorCode] = [:]

    func endOffset(_ partition: TopicPartition) -> Int64? { partitions.contains(partition) ? endOffsets[partition] ?? 0 : nil }

    func endTransaction(_ partition: TopicPartition, producerID: Int64, epoch: Int16, commit: Bool, coordinatorEpoch: Int32)
        throws(ErrorCode)
    {
        guard partitions.contains(partition) else { throw .unknownTopicOrPartition }
        if let failure = failures[partition] { throw failure }
        markers.append(Marker(partition: partition, producerID: producerID, epoch: epoch, commit: commit))
    }
}

extension TopicPartition {
    static let a = TopicPartition("a", 0)
    static let b = TopicPartition("b", 1)
}

/// Allows all but what is listed.
final class ListAuthorizer: Authorizer {
    var refused: Set<String> = []

    func allows(_ operation: ACLOperation, _ type: ACLResourceType, _ name: String, _ context: RequestContext) -> Bool {
        !refused.contains("\(operation) \(type) \(name)")
    }

    func allowsSomewhere(_ operation: ACLOperation, _ type: ACLResourceType, _ context: RequestContext) -> Bool {
        !refused.contains("\(operation) \(type)")
    }
}

extension MessageWriter.Part {
    fileprivate var inMemory: [UInt8] {
        if case .bytes(let bytes) = self { Array(bytes) } else { [] }
    }
}
