import BrokerStorage
import KafkaProtocol

/// Answers ListOffsets, OffsetForLeaderEpoch and DeleteRecords. On the broker's thread.
final class OffsetsAPI {
    private let partitions: Partitions
    private let authorizer: any Authorizer
    private let durability: any Durability

    init(partitions: Partitions, authorizer: any Authorizer, durability: any Durability) {
        self.partitions = partitions
        self.authorizer = authorizer
        self.durability = durability
    }

    func register(in dispatcher: inout Dispatcher) {
        dispatcher.on(ListOffsetsRequest.self) { [self] request, context in list(request, context) }
        dispatcher.on(OffsetForLeaderEpochRequest.self) { [self] request, context in ends(request, context) }
        dispatcher.on(DeleteRecordsRequest.self) { [self] request, context, reply in
            let response = delete(request, context)
            // A start offset that comes back would show records again that were told to be gone.
            let partitions = response.topics.flatMap { topic in
                topic.partitions.filter { $0.errorCode == 0 }.map { TopicPartition(topic.name, $0.partitionIndex) }
            }
            durability.whenStartsAreSynced(partitions) { isSynced in reply(isSynced ? response : response.refused) }
        }
    }

    private func list(_ request: ListOffsetsRequest, _ context: RequestContext) -> ListOffsetsResponse {
        var response = ListOffsetsResponse()
        var answered: Set<TopicPartition> = []
        for topic in request.topics {
            var answer = ListOffsetsResponse.ListOffsetsTopicResponse()
            answer.name = topic.name
            for wanted in topic.partitions where answered.insert(TopicPartition(topic.name, wanted.partitionIndex)).inserted {
                var found = ListOffsetsResponse.ListOffsetsPartitionResponse()
                found.partitionIndex = wanted.partitionIndex
                do throws(ErrorCode) {
                    guard let isolation = Isolation(rawValue: request.isolationLevel) else { throw .invalidRequest }
                    let log = try log(topic.name, wanted.partitionIndex, .describe, context)
                    try log.check(leaderEpoch: wanted.currentLeaderEpoch)
                    if let place = try Self.place(log, timestamp: wanted.timestamp, isolation) {
                        found.offset = place.offset
                        found.timestamp = place.timestamp
                        found.leaderEpoch = log.leaderEpoch
                    }
                } catch {
                    found.errorCode = error.rawValue
                }
                answer.partitions.append(found)
            }
            response.topics.append(answer)
        }
        return response
    }

    /// Negative times are names of places: https://kafka.apache.org/protocol.html and KIP-405, KIP-734.
    private static func place(_ log: PartitionLog, timestamp: Int64, _ isolation: Isolation) throws(ErrorCode) -> (
        offset: Int64, timestamp: Int64
    )? {
        switch timestamp {
        case -1: (isolation == .readCommitted ? log.lastStableOffset : log.highWatermark, -1)
        // Nothing lies on other storage than this broker's.
        case -2, -4: (log.startOffset, -1)
        case -3: try log.maximumTimestamp()
        case -5: nil
        case 0...: try log.offset(forTime: timestamp, isolation: isolation)
        default: throw .unsupportedVersion
        }
    }

    private func ends(_ request: OffsetForLeaderEpochRequest, _ context: RequestContext) -> OffsetForLeaderEpochResponse {
        var response = OffsetForLeaderEpochResponse()
        var answered: Set<TopicPartition> = []
        for topic in request.topics {
            var answer = OffsetForLeaderEpochResponse.OffsetForLeaderTopicResult()
            answer.topic = topic.topic
            for wanted in topic.partitions where answered.insert(TopicPartition(topic.topic, wanted.partition)).inserted {
                var found = OffsetForLeaderEpochResponse.EpochEndOffset()
                found.partition = wanted.partition
                do throws(ErrorCode) {
                    let log = try log(topic.topic, wanted.partition, .describe, context)
                    try log.check(leaderEpoch: wanted.currentLeaderEpoch)
                    // There was never another epoch; of a later one nothing is known.
                    if wanted.leaderEpoch == log.leaderEpoch {
                        found.leaderEpoch = log.leaderEpoch
                        found.endOffset = log.endOffset
                    }
                } catch {
                    found.errorCode = error.rawValue
                }
                answer.partitions.append(found)
            }
            response.topics.append(answer)
        }
        return response
    }

    private func delete(_ request: DeleteRecordsRequest, _ context: RequestContext) -> DeleteRecordsResponse {
        var response = DeleteRecordsResponse()
        var answered: Set<TopicPartition> = []
        for topic in request.topics {
            var answer = DeleteRecordsResponse.DeleteRecordsTopicResult()
            answer.name = topic.name
            for wanted in topic.partitions where answered.insert(TopicPartition(topic.name, wanted.partitionIndex)).inserted {
                var result = DeleteRecordsResponse.DeleteRecordsPartitionResult()
                result.partitionIndex = wanted.partitionIndex
                do throws(ErrorCode) {
                    let log = try log(topic.name, wanted.partitionIndex, .delete, context)
                    guard !TopicName.isInternal(topic.name) else { throw .invalidTopic }
                    guard log.settings.cleanupPolicy.contains(.delete) else { throw .policyViolation }
                    // -1 stands for all that can be read.
                    try log.advanceStart(to: wanted.offset == -1 ? log.highWatermark : wanted.offset)
                    result.lowWatermark = log.startOffset
                } catch {
                    result.errorCode = error.rawValue
                    result.lowWatermark = -1
                }
                answer.partitions.append(result)
            }
            response.topics.append(answer)
        }
        return response
    }

    private func log(_ topic: String, _ partition: Int32, _ operation: ACLOperation, _ context: RequestContext) throws(ErrorCode)
        -> PartitionLog
    {
        guard authorizer.allows(operation, .topic, topic, context) else { throw .topicAuthorizationFailed }
        return try partitions.log(topic, partition)
    }
}
