import KafkaProtocol

/// An answer that acknowledges or tells of what was written, and can say instead that the disk may not have it.
protocol RefusableResponse: APIResponse {
    /// Puts an error wherever it says that all is well.
    mutating func refuse()
}

extension Durability {
    /// Answers when what the answer tells of is durable, or cannot be any more.
    func answer<Response: RefusableResponse>(
        _ response: Response, of partitions: [TopicPartition], _ reply: @escaping (Response) -> Void
    ) {
        whenDurable(partitions) { isDurable in reply(isDurable ? response : response.refused) }
    }
}

extension RefusableResponse {
    var refused: Self {
        var response = self
        response.refuse()
        return response
    }
}

extension Array {
    /// Puts the error in the place of every 0.
    fileprivate mutating func fail(_ code: WritableKeyPath<Element, Int16>, _ error: ErrorCode = .kafkaStorageError) {
        for index in indices where self[index][keyPath: code] == 0 { self[index][keyPath: code] = error.rawValue }
    }
}

extension ProduceResponse: RefusableResponse {
    mutating func refuse() { for index in responses.indices { responses[index].partitionResponses.fail(\.errorCode) } }
}

extension DeleteRecordsResponse: RefusableResponse {
    mutating func refuse() { for index in topics.indices { topics[index].partitions.fail(\.errorCode) } }
}

extension MetadataResponse: RefusableResponse {
    mutating func refuse() { topics.fail(\.errorCode) }
}

extension CreateTopicsResponse: RefusableResponse {
    mutating func refuse() { topics.fail(\.errorCode) }
}

extension DeleteTopicsResponse: RefusableResponse {
    mutating func refuse() { responses.fail(\.errorCode) }
}

extension CreatePartitionsResponse: RefusableResponse {
    mutating func refuse() { results.fail(\.errorCode) }
}

extension AlterConfigsResponse: RefusableResponse {
    mutating func refuse() { responses.fail(\.errorCode) }
}

extension IncrementalAlterConfigsResponse: RefusableResponse {
    mutating func refuse() { responses.fail(\.errorCode) }
}

extension CreateAclsResponse: RefusableResponse {
    mutating func refuse() { results.fail(\.errorCode) }
}

extension DeleteAclsResponse: RefusableResponse {
    mutating func refuse() { filterResults.fail(\.errorCode) }
}

// Of groups: what `GroupCoordinator` answers when the log refuses a record.

extension OffsetCommitResponse: RefusableResponse {
    mutating func refuse() { for index in topics.indices { topics[index].partitions.fail(\.errorCode, .notCoordinator) } }
}

extension TxnOffsetCommitResponse: RefusableResponse {
    mutating func refuse() { for index in topics.indices { topics[index].partitions.fail(\.errorCode, .notCoordinator) } }
}

extension OffsetFetchResponse: RefusableResponse {
    mutating func refuse() {
        groups.fail(\.errorCode, .notCoordinator)
        if errorCode == 0 { errorCode = ErrorCode.notCoordinator.rawValue }
        // Version 1 has no place for an error but the partitions.
        for index in topics.indices { topics[index].partitions.fail(\.errorCode, .notCoordinator) }
    }
}

extension DeleteGroupsResponse: RefusableResponse {
    mutating func refuse() { results.fail(\.errorCode, .notCoordinator) }
}

extension OffsetDeleteResponse: RefusableResponse {
    mutating func refuse() {
        if errorCode == 0 { errorCode = ErrorCode.notCoordinator.rawValue }
    }
}
