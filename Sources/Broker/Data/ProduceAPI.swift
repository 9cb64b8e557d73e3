import BrokerStorage
import KafkaProtocol

/// Answers Produce. On the broker's thread.
final class ProduceAPI {
    private let partitions: Partitions
    private let authorizer: any Authorizer
    private let durability: any Durability
    private let scheduler: any Scheduler
    /// `none` when the producer has the transactional id, and its open transaction has the partition in it.
    private let verify: (_ transactionalID: String, _ producerID: Int64, _ epoch: Int16, TopicPartition) -> ErrorCode
    /// Records and bytes that were appended.
    private(set) var recordsIn = 0
    private(set) var bytesIn = 0

    init(
        partitions: Partitions, authorizer: any Authorizer, durability: any Durability, scheduler: any Scheduler,
        verify: @escaping (_ transactionalID: String, _ producerID: Int64, _ epoch: Int16, TopicPartition) -> ErrorCode
    ) {
        self.partitions = partitions
        self.authorizer = authorizer
        self.durability = durability
        self.scheduler = scheduler
        self.verify = verify
    }

    func register(in dispatcher: inout Dispatcher) {
        dispatcher.onOptional(ProduceRequest.self) { [self] request, context, reply in
            let response = produce(request, context)
            guard request.acks != 0 else {
                // There is no other way to tell a producer that asks for no answer.
                if Self.hasError(response) { context.session.mustClose = true }
                return reply(nil)
            }
            // What was refused already waits for nothing, and lets nothing wait.
            let partitions = response.responses.flatMap { topic in
                topic.partitionResponses.filter { $0.errorCode == 0 }.map { TopicPartition(topic.name, $0.index) }
            }
            durability.answer(response, of: partitions, reply)
        }
    }

    func produce(_ request: ProduceRequest, _ context: RequestContext) -> ProduceResponse {
        let refusal = refusal(request, context)
        var response = ProduceResponse()
        for topic in request.topicData {
            var answer = ProduceResponse.TopicProduceResponse()
            answer.name = topic.name
            let isAllowed = refusal == nil && authorizer.allows(.write, .topic, topic.name, context)
            for data in topic.partitionData {
                let error = refusal ?? (isAllowed ? nil : .topicAuthorizationFailed)
                answer.partitionResponses.append(append(data, TopicPartition(topic.name, data.index), request.transactionalId, error))
            }
            response.responses.append(answer)
        }
        return response
    }

    /// Why nothing of the request can be done.
    private func refusal(_ request: ProduceRequest, _ context: RequestContext) -> ErrorCode? {
        guard (-1...1).contains(request.acks) else { return .invalidRequiredAcks }
        guard let id = request.transactionalId else { return nil }
        return authorizer.allows(.write, .transactionalID, id, context) ? nil : .transactionalIDAuthorizationFailed
    }

    private func append(
        _ data: ProduceRequest.PartitionProduceData, _ partition: TopicPartition, _ transactionalID: String?, _ refusal: ErrorCode?
    ) -> ProduceResponse.PartitionProduceResponse {
        var answer = ProduceResponse.PartitionProduceResponse()
        answer.index = partition.partition
        do throws(ErrorCode) {
            if let refusal { throw refusal }
            guard !TopicName.isInternal(partition.topic) else { throw .invalidTopic }
            let log = try partitions.log(partition.topic, partition.partition)
            guard case .bytes(let records) = data.records, !records.isEmpty else { throw .invalidRecord }
            try checkTransaction(records, partition, transactionalID)
            let result = try log.append(records, now: scheduler.wallClock)
            answer.baseOffset = result.baseOffset
            answer.logAppendTimeMs = result.logAppendTime
            answer.logStartOffset = log.startOffset
            if !result.isDuplicate {
                recordsIn += Int(result.lastOffset - result.baseOffset) + 1
                bytesIn += records.count
            }
        } catch {
            answer.errorCode = error.rawValue
            answer.baseOffset = -1
            answer.errorMessage = Self.message(error, partition)
        }
        return answer
    }

    /// A record of a transaction that the coordinator does not know of could never be decided; one in a transaction of somebody else would be decided by them.
    private func checkTransaction(_ records: ArraySlice<UInt8>, _ partition: TopicPartition, _ id: String?) throws(ErrorCode) {
        guard let header = records.withUnsafeBytes({ RecordBatchHeader($0) }), header.isTransactional else { return }
        guard let id else { throw .transactionalIDAuthorizationFailed }
        let error = verify(id, header.producerID, header.producerEpoch, partition)
        guard error == .none else { throw error }
    }

    /// What to do about it, where the error's name does not say it.
    private static func message(_ error: ErrorCode, _ partition: TopicPartition) -> String? {
        switch error {
        case .invalidRecord:
            "\(partition): the records are no single batch of message format 2 that this topic takes (a compacted one wants keys)"
        case .invalidTxnState: "\(partition) is not a part of the producer's open transaction"
        case .invalidTopic: "\(partition.topic) is the broker's own"
        case .kafkaStorageError: "\(partition) cannot be written: see the broker's log"
        default: nil
        }
    }

    private static func hasError(_ response: ProduceResponse) -> Bool {
        response.responses.contains { $0.partitionResponses.contains { $0.errorCode != 0 } }
    }
}
