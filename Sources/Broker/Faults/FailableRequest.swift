import KafkaProtocol

/// A request that a test can have answered with an error without its being handled.
protocol FailableRequest: APIRequest {
    func failed(_ error: Int16) -> Response
}

public enum FailableAPI {
    typealias Failure = (RequestHeader, MessageReader, ErrorCode) throws -> [MessageWriter.Part]?

    static var all: [APIKey: Failure] {
        [
            .produce: failure(ProduceRequest.self), .fetch: failure(FetchRequest.self), .joinGroup: failure(JoinGroupRequest.self),
            .syncGroup: failure(SyncGroupRequest.self), .heartbeat: failure(HeartbeatRequest.self),
            .offsetCommit: failure(OffsetCommitRequest.self), .initProducerId: failure(InitProducerIdRequest.self),
            .addOffsetsToTxn: failure(AddOffsetsToTxnRequest.self), .endTxn: failure(EndTxnRequest.self),
        ]
    }

    /// The APIs that `fail` knows; others can be delayed and dropped.
    public static var names: [String] { all.keys.map { $0.name }.sorted() }

    private static func failure<Request: FailableRequest>(_ type: Request.Type) -> Failure {
        { header, reader, error in
            var reader = reader
            var request = Request()
            try request.code(&reader)
            return MessageWriter.response(request.failed(error.rawValue), correlationID: header.correlationID, version: header.apiVersion)
        }
    }
}

extension ProduceRequest: FailableRequest {
    func failed(_ error: Int16) -> ProduceResponse {
        var response = ProduceResponse()
        response.responses = topicData.map { topic in
            var answer = ProduceResponse.TopicProduceResponse()
            answer.name = topic.name
            answer.partitionResponses = topic.partitionData.map { data in
                var partition = ProduceResponse.PartitionProduceResponse()
                partition.index = data.index
                partition.errorCode = error
                partition.baseOffset = -1
                return partition
            }
            return answer
        }
        return response
    }
}

extension FetchRequest: FailableRequest {
    func failed(_ error: Int16) -> FetchResponse {
        var response = FetchResponse()
        response.responses = topics.map { topic in
            var answer = FetchResponse.FetchableTopicResponse()
            answer.topic = topic.topic
            answer.topicId = topic.topicId
            answer.partitions = topic.partitions.map { wanted in
                var partition = FetchResponse.PartitionData()
                partition.partitionIndex = wanted.partition
                partition.errorCode = error
                partition.highWatermark = -1
                return partition
            }
            return answer
        }
        return response
    }
}

/// An answer that has one error for all.
protocol FailableResponse: APIResponse {
    var errorCode: Int16 { get set }
}

extension FailableRequest where Response: FailableResponse {
    func failed(_ error: Int16) -> Response {
        var response = Response()
        response.errorCode = error
        return response
    }
}

extension JoinGroupResponse: FailableResponse {}
extension SyncGroupResponse: FailableResponse {}
extension HeartbeatResponse: FailableResponse {}
extension InitProducerIdResponse: FailableResponse {}
extension AddOffsetsToTxnResponse: FailableResponse {}
extension EndTxnResponse: FailableResponse {}
extension JoinGroupRequest: FailableRequest {}
extension SyncGroupRequest: FailableRequest {}
extension HeartbeatRequest: FailableRequest {}
extension InitProducerIdRequest: FailableRequest {}
extension AddOffsetsToTxnRequest: FailableRequest {}
extension EndTxnRequest: FailableRequest {}

extension OffsetCommitRequest: FailableRequest {
    func failed(_ error: Int16) -> OffsetCommitResponse {
        var response = OffsetCommitResponse()
        response.topics = topics.map { topic in
            var answer = OffsetCommitResponse.OffsetCommitResponseTopic()
            answer.name = topic.name
            answer.partitions = topic.partitions.map { wanted in
                var partition = OffsetCommitResponse.OffsetCommitResponseTopic.OffsetCommitResponsePartition()
                partition.partitionIndex = wanted.partitionIndex
                partition.errorCode = error
                return partition
            }
            return answer
        }
        return response
    }
}
