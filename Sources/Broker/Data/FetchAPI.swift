import BrokerStorage
import KafkaProtocol

/// Answers Fetch: at once when there is enough, else when there is or when the client does not want to wait longer. On the broker's thread.
final class FetchAPI {
    /// Kafka's `fetch.max.bytes`: no answer is longer, but for a single batch that is.
    static let maximumBytes = 55 << 20

    /// An empty answer comes at the latest after so long, whatever the client asks: a client that is gone is not waited for much longer.
    private static let longestWaitMs: Int64 = 60_000

    private let partitions: Partitions
    private let topics: TopicRegistry
    private let authorizer: any Authorizer
    private let waiting: WaitingFetches
    /// Bytes of record batches that were answered with.
    private(set) var bytesOut = 0

    init(partitions: Partitions, topics: TopicRegistry, authorizer: any Authorizer, waiting: WaitingFetches) {
        self.partitions = partitions
        self.topics = topics
        self.authorizer = authorizer
        self.waiting = waiting
    }

    func register(in dispatcher: inout Dispatcher) {
        dispatcher.on(FetchRequest.self) { [self] in fetch($0, $1, $2) }
    }

    private func fetch(_ request: FetchRequest, _ context: RequestContext, _ reply: @escaping (FetchResponse) -> Void) {
        // Sessions save clients of many partitions some bytes; a broker may do without, and says so to a client that goes on with one.
        guard request.sessionId == 0 else {
            var response = FetchResponse()
            response.errorCode = ErrorCode.fetchSessionIDNotFound.rawValue
            return reply(response)
        }
        guard let isolation = Isolation(rawValue: request.isolationLevel) else {
            var response = FetchResponse()
            response.errorCode = ErrorCode.invalidRequest.rawValue
            return reply(response)
        }
        let request = request.withoutRepetitions()
        let read = { [unowned self] in attempt(request, isolation, context) }
        let finish = { [unowned self] (attempt: Attempt) in
            bytesOut += attempt.bytes
            reply(attempt.response)
        }
        let first = read()
        if first.isFinal || first.bytes >= Int(request.minBytes) || request.maxWaitMs <= 0 || request.topics.isEmpty {
            return finish(first)
        }
        waiting.add(for: first.partitions, atMost: min(Int64(request.maxWaitMs), Self.longestWaitMs)) { isLast in
            let attempt = read()
            guard isLast || attempt.isFinal || attempt.bytes >= Int(request.minBytes) else { return false }
            finish(attempt)
            return true
        }
    }

    private struct Attempt {
        var response = FetchResponse()
        var bytes = 0
        /// Waiting would change nothing: some partition has an error.
        var isFinal = false
        var partitions: [TopicPartition] = []
    }

    private func attempt(_ request: FetchRequest, _ isolation: Isolation, _ context: RequestContext) -> Attempt {
        var attempt = Attempt()
        let limit = min(max(0, Int(request.maxBytes)), Self.maximumBytes)
        for topic in request.topics {
            var answer = FetchResponse.FetchableTopicResponse()
            answer.topicId = topic.topicId
            let name = context.version >= 13 ? topics.topic(id: topic.topicId)?.name : topic.topic
            answer.topic = name ?? topic.topic
            let isAllowed = name.map { authorizer.allows(.read, .topic, $0, context) } ?? true
            for partition in topic.partitions {
                var data = FetchResponse.PartitionData()
                data.partitionIndex = partition.partition
                do throws(ErrorCode) {
                    guard let name else { throw .unknownTopicID }
                    guard isAllowed else { throw .topicAuthorizationFailed }
                    attempt.partitions.append(TopicPartition(name, partition.partition))
                    let log = try partitions.log(name, partition.partition)
                    try read(log, partition, isolation, room: limit - attempt.bytes, isFirst: attempt.bytes == 0, into: &data)
                    attempt.bytes += data.records.count
                } catch {
                    data.errorCode = error.rawValue
                    data.highWatermark = -1
                    attempt.isFinal = true
                }
                answer.partitions.append(data)
            }
            attempt.response.responses.append(answer)
        }
        return attempt
    }

    private func read(
        _ log: PartitionLog, _ wanted: FetchRequest.FetchPartition, _ isolation: Isolation, room: Int, isFirst: Bool,
        into data: inout FetchResponse.PartitionData
    ) throws(ErrorCode) {
        try log.check(leaderEpoch: wanted.currentLeaderEpoch)
        data.highWatermark = log.highWatermark
        data.lastStableOffset = log.lastStableOffset
        data.logStartOffset = log.startOffset
        let limit = min(max(0, Int(wanted.partitionMaxBytes)), max(0, room))
        let result = try log.read(from: wanted.fetchOffset, maximumBytes: limit, isolation: isolation, atLeastOneBatch: isFirst)
        if result.records.count > 0 { data.records = result.records }
        guard isolation == .readCommitted else { return }
        data.abortedTransactions = result.abortedTransactions.map { transaction in
            var aborted = FetchResponse.AbortedTransaction()
            aborted.producerId = transaction.producerID
            aborted.firstOffset = transaction.firstOffset
            return aborted
        }
    }
}

extension FetchRequest {
    private struct Named: Hashable {
        var topic: String
        var topicID: WireUUID
        var partition: Int32
    }

    /// The same with each partition named once. Few bytes could ask for the same again and again, and all of it would be read anew at each append.
    fileprivate func withoutRepetitions() -> FetchRequest {
        guard topics.count > 1 || topics.contains(where: { $0.partitions.count > 1 }) else { return self }
        var request = self
        var named: Set<Named> = []
        for index in topics.indices {
            let topic = topics[index]
            request.topics[index].partitions = topic.partitions.filter {
                named.insert(Named(topic: topic.topic, topicID: topic.topicId, partition: $0.partition)).inserted
            }
        }
        request.topics.removeAll { $0.partitions.isEmpty }
        return request
    }
}
