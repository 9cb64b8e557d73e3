import KafkaProtocol

/// The requests that the coordinator answers.
extension TransactionCoordinator {
    func register(in dispatcher: inout Dispatcher) {
        dispatcher.on(InitProducerIdRequest.self) { [self] request, context, reply in
            answer(request, context, reply)
        }
        dispatcher.on(AddPartitionsToTxnRequest.self) { [self] request, context, reply in
            answer(request, context, reply)
        }
        dispatcher.on(AddOffsetsToTxnRequest.self) { [self] request, context, reply in
            answer(request, context) { error in
                var response = AddOffsetsToTxnResponse()
                response.errorCode = error.rawValue
                reply(response)
            }
        }
        dispatcher.on(EndTxnRequest.self) { [self] request, context, reply in
            answer(request, context) { error in
                var response = EndTxnResponse()
                response.errorCode = error.rawValue
                reply(response)
            }
        }
    }

    private func answer(_ request: InitProducerIdRequest, _ context: RequestContext, _ reply: @escaping (InitProducerIdResponse) -> Void) {
        let refuse = { (error: ErrorCode) in
            var response = InitProducerIdResponse()
            response.errorCode = error.inVersion(context.version, fencedSince: 4).rawValue
            response.producerEpoch = -1
            reply(response)
        }
        if let id = request.transactionalId {
            guard mayWrite(id, context) else { return refuse(.transactionalIDAuthorizationFailed) }
        } else {
            guard
                authorizer.allows(.idempotentWrite, .cluster, "kafka-cluster", context)
                    || authorizer.allowsSomewhere(.write, .topic, context)
            else { return refuse(.clusterAuthorizationFailed) }
        }
        guard (request.producerId == -1) == (request.producerEpoch == -1) else { return refuse(.invalidRequest) }
        let expected = request.producerId == -1 ? nil : Producer(id: request.producerId, epoch: request.producerEpoch)
        initialize(request.transactionalId, timeoutMs: request.transactionTimeoutMs, expected: expected) { result in
            switch result {
            case .failure(let error): refuse(error)
            case .success(let producer):
                var response = InitProducerIdResponse()
                response.producerId = producer.id
                response.producerEpoch = producer.epoch
                reply(response)
            }
        }
    }

    private func answer(
        _ request: AddPartitionsToTxnRequest, _ context: RequestContext, _ reply: @escaping (AddPartitionsToTxnResponse) -> Void
    ) {
        let respond = { (error: (TopicPartition) -> ErrorCode) in reply(Self.response(to: request, error)) }
        guard mayWrite(request.v3AndBelowTransactionalId, context) else { return respond { _ in .transactionalIDAuthorizationFailed } }
        var refused: [TopicPartition: ErrorCode] = [:]
        var partitions: Set<TopicPartition> = []
        for topic in request.v3AndBelowTopics {
            // Offsets come into a transaction by AddOffsetsToTxn alone.
            let isAllowed = !TopicName.isInternal(topic.name) && authorizer.allows(.write, .topic, topic.name, context)
            for index in topic.partitions {
                let partition = TopicPartition(topic.name, index)
                partitions.insert(partition)
                if !isAllowed {
                    refused[partition] = .topicAuthorizationFailed
                } else if participants.endOffset(partition) == nil {
                    refused[partition] = .unknownTopicOrPartition
                }
            }
        }
        guard refused.isEmpty else { return respond { refused[$0] ?? .operationNotAttempted } }
        let producer = Producer(id: request.v3AndBelowProducerId, epoch: request.v3AndBelowProducerEpoch)
        add(partitions, to: request.v3AndBelowTransactionalId, producer: producer) { error in
            let error = error.inVersion(context.version, fencedSince: 2)
            respond { _ in error }
        }
    }

    private static func response(to request: AddPartitionsToTxnRequest, _ error: (TopicPartition) -> ErrorCode)
        -> AddPartitionsToTxnResponse
    {
        var response = AddPartitionsToTxnResponse()
        response.resultsByTopicV3AndBelow = request.v3AndBelowTopics.map { topic in
            var result = AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult()
            result.name = topic.name
            result.resultsByPartition = topic.partitions.map { index in
                var result = AddPartitionsToTxnResponse.AddPartitionsToTxnPartitionResult()
                result.partitionIndex = index
                result.partitionErrorCode = error(TopicPartition(topic.name, index)).rawValue
                return result
            }
            return result
        }
        return response
    }

    private func answer(_ request: AddOffsetsToTxnRequest, _ context: RequestContext, _ reply: @escaping (ErrorCode) -> Void) {
        guard mayWrite(request.transactionalId, context) else { return reply(.transactionalIDAuthorizationFailed) }
        guard authorizer.allows(.read, .group, request.groupId, context) else { return reply(.groupAuthorizationFailed) }
        let producer = Producer(id: request.producerId, epoch: request.producerEpoch)
        add([Self.offsetsPartition], to: request.transactionalId, producer: producer) {
            reply($0.inVersion(context.version, fencedSince: 2))
        }
    }

    private func answer(_ request: EndTxnRequest, _ context: RequestContext, _ reply: @escaping (ErrorCode) -> Void) {
        guard mayWrite(request.transactionalId, context) else { return reply(.transactionalIDAuthorizationFailed) }
        let producer = Producer(id: request.producerId, epoch: request.producerEpoch)
        end(request.transactionalId, producer: producer, commit: request.committed) {
            reply($0.inVersion(context.version, fencedSince: 2))
        }
    }

    private func mayWrite(_ transactionalID: String, _ context: RequestContext) -> Bool {
        authorizer.allows(.write, .transactionalID, transactionalID, context)
    }
}

extension ErrorCode {
    /// The error as a client of this version of the request knows it.
    fileprivate func inVersion(_ version: Int16, fencedSince first: Int16) -> ErrorCode {
        self == .producerFenced && version < first ? .invalidProducerEpoch : self
    }
}
