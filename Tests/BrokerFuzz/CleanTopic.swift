import Glibc
import KafkaProtocol

/// A topic that no frame of the fuzzer names: what is produced to it after all of them has to come back.
enum CleanTopic {
    private static let name = "clean"
    private static let value = [UInt8]("still here".utf8)

    static func create(_ port: UInt16) throws {
        var topic = CreateTopicsRequest.CreatableTopic()
        (topic.name, topic.numPartitions, topic.replicationFactor) = (name, 1, 1)
        var request = CreateTopicsRequest()
        request.topics = [topic]
        let response: CreateTopicsResponse = try ask(request, version: 5, port)
        guard response.topics.first?.errorCode == 0 else { throw FuzzError(description: "the clean topic is refused: \(response)") }
    }

    static func roundTrip(_ port: UInt16) throws {
        // Of today: what is older than the topic's retention may be gone before it is read.
        var builder = RecordBatchBuilder(timestamp: Int64(time(nil)) * 1_000, compression: .none)
        builder.append(key: nil, value: value)
        var partition = ProduceRequest.PartitionProduceData()
        partition.records = .bytes(builder.finish()[...])
        var topic = ProduceRequest.TopicProduceData()
        (topic.name, topic.partitionData) = (name, [partition])
        var request = ProduceRequest()
        (request.acks, request.timeoutMs, request.topicData) = (-1, 1000, [topic])
        let response: ProduceResponse = try ask(request, version: 9, port)
        guard let answer = response.responses.first?.partitionResponses.first, answer.errorCode == 0 else {
            throw FuzzError(description: "the clean record is refused: \(response)")
        }
        try fetch(answer.baseOffset, port)
    }

    private static func fetch(_ offset: Int64, _ port: UInt16) throws {
        var partition = FetchRequest.FetchPartition()
        (partition.fetchOffset, partition.partitionMaxBytes) = (offset, 1 << 20)
        var topic = FetchRequest.FetchTopic()
        (topic.topic, topic.partitions) = (name, [partition])
        var request = FetchRequest()
        (request.maxWaitMs, request.minBytes, request.maxBytes, request.topics) = (1000, 1, 1 << 20, [topic])
        let response: FetchResponse = try ask(request, version: 11, port)
        guard let answer = response.responses.first?.partitions.first, answer.errorCode == 0, case .bytes(let batch) = answer.records,
            Array(batch.suffix(value.count + 1).dropLast()) == value
        else { throw FuzzError(description: "the clean record does not come back: \(response)") }
    }

    private static func ask<Request: APIRequest>(_ request: Request, version: Int16, _ port: UInt16) throws -> Request.Response {
        guard let connection = FuzzConnection(port: port) else { throw FuzzError(description: "nobody listens") }
        let parts = MessageWriter.request(request, correlationID: 7, clientID: "clean", version: version)
        connection.send(parts.flatMap { part -> [UInt8] in if case .bytes(let bytes) = part { Array(bytes) } else { [] } })
        guard case .answer(let frame) = connection.receive(milliseconds: Fuzzer.patience) else {
            throw FuzzError(description: "\(Request.api.name) is not answered")
        }
        return try RequestKind.response(to: Request.self, frame, version)
    }
}
